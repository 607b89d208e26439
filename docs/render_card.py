"""Look at a data card as the Hub shows it: a picture in the light theme, one in the dark.

python docs/render_card.py nt out/card      # or: make card

What is rendered is GitHub's Markdown as the Hub allows it, below a head made of the metadata; the
colours and widths are near the Hub's, not the Hub's own.
"""

import html
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
THEMES = {
    "light": ("#ffffff", "#1f2937", "#f3f4f6", "#e5e7eb", "#2563eb"),
    "dark": ("#0b0f19", "#d1d5db", "#1a2130", "#283042", "#60a5fa"),
}
WIDTH, HEIGHT = 1000, 6000
STYLE = """
body {{ background: {0}; color: {1}; font: 16px/1.6 "Source Sans Pro", system-ui, sans-serif;
       max-width: 760px; margin: 24px auto; overflow-wrap: break-word }}
.tag {{ background: {2}; border: 1px solid {3}; border-radius: 8px; padding: 1px 8px;
       margin: 0 4px 6px 0; font-size: 13px; display: inline-block }}
.default {{ outline: 2px solid {4} }}
pre, code {{ background: {2}; border-radius: 6px; font: 13px ui-monospace, monospace }}
pre {{ padding: 12px; overflow-x: auto; white-space: pre }}
code {{ padding: 1px 4px }} pre code {{ padding: 0 }}
table {{ border-collapse: collapse; font-size: 14px; display: block; overflow-x: auto }}
td, th {{ border: 1px solid {3}; padding: 4px 10px; text-align: left }}
blockquote {{ border-left: 4px solid {3}; margin: 0; padding: 0 16px }}
a {{ color: {4} }} img {{ max-width: 100% }} h1, h2 {{ border-bottom: 1px solid {3} }}
"""


def page(card: str, folder: Path, theme: str) -> str:
    """The card as HTML in one theme."""
    _, metadata, body = card.split("---\n", 2)
    # The Hub takes some HTML; here none gets through, so that what slips in is seen as text.
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    body = "\n".join(line for line in body.splitlines() if not line.startswith("<!-- "))
    return (
        f'<!doctype html><meta charset="utf-8"><base href="{folder.resolve().as_uri()}/">'
        f"<style>{STYLE.format(*THEMES[theme])}</style>"
        f"{head(yaml.safe_load(metadata))}{markdown.render(body)}"
    )


def head(metadata: dict[str, Any]) -> str:
    """The chips above a card: tags, sizes, licence, and the configs of the viewer."""
    chips = []
    for name in ("task_categories", "language", "size_categories", "tags", "license"):
        values = metadata.get(name) or []
        for value in [values] if isinstance(values, str) else values:
            chips.append(f'<span class="tag">{name}: {html.escape(value)}</span>')
    configs = [
        f'<span class="tag{" default" if config.get("default") else ""}">'
        f"{html.escape(config['config_name'])}</span>"
        for config in metadata["configs"]
    ]
    return f"<p>{''.join(chips)}</p><p>Subsets: {''.join(configs)}</p>"


def main(folder: Path, out: Path) -> None:
    """Write a page and a picture for each theme."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"no browser is installed; one of: {', '.join(BROWSERS)}")
    out.mkdir(parents=True, exist_ok=True)
    card = (folder / "README.md").read_text(encoding="utf-8")
    for theme in THEMES:
        source, picture = out / f"{theme}.html", out / f"{theme}.png"
        source.write_text(page(card, folder, theme), encoding="utf-8")
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={picture.resolve()}",
                source.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        print(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
