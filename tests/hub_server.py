"""A data set repository on 127.0.0.1 that answers what the Hub's client asks when it reads."""

import hashlib
import json
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class HubServer:
    """Serves one folder as the data set `repo`, at one commit.

    `sent` are the bytes that were sent of each file; whoever reads `hangs_up_on` gets none.
    """

    def __init__(self, repo: str, folder: Path, card_data: dict[str, object]) -> None:
        self.repo, self.folder, self.card_data = repo, folder, card_data
        self.sent: Counter[str] = Counter()
        self.hangs_up_on: str | None = None
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self)

            do_HEAD = do_GET
            do_POST = do_GET

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length).decode()
        path = unquote(urlsplit(request.path).path)
        api, files = f"/api/datasets/{self.repo}", f"/datasets/{self.repo}/resolve/"
        if path.startswith(files):
            self._file(request, path.removeprefix(files).partition("/")[2])
        elif path == api or path.startswith(f"{api}/revision/"):
            self._json(request, self._info())
        elif path.startswith(f"{api}/tree/"):
            folder = path.removeprefix(f"{api}/tree/").partition("/")[2]
            recursive = "recursive=true" in request.path.lower()
            nodes = [
                n for n in self._nodes() if _lies_in(Path(str(n["path"])), folder or ".", recursive)
            ]
            self._json(request, nodes)
        elif path.startswith(f"{api}/paths-info/"):
            self._json(request, [n for n in self._nodes() if n["path"] in unquote(body)])
        else:
            self._error(request, "RepoNotFound")

    def _nodes(self) -> list[dict[str, str | int]]:
        return [
            {
                "type": "file" if path.is_file() else "directory",
                "path": path.relative_to(self.folder).as_posix(),
                "size": path.stat().st_size if path.is_file() else 0,
                "oid": hashlib.sha1(path.read_bytes() if path.is_file() else b"").hexdigest(),
            }
            for path in sorted(self.folder.rglob("*"))
        ]

    def _info(self) -> dict[str, object]:
        return {
            "_id": "1",
            "id": self.repo,
            "author": self.repo.split("/")[0],
            "sha": COMMIT,
            "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "private": False,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "cardData": self.card_data,
            "siblings": [
                {"rfilename": node["path"]} for node in self._nodes() if node["type"] == "file"
            ],
        }

    def _file(self, request: BaseHTTPRequestHandler, name: str) -> None:
        path = self.folder / name
        if not path.is_file():
            self._error(request, "EntryNotFound")
            return
        data = path.read_bytes()
        status, start, end = 200, 0, len(data)
        if wanted := request.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            status, start, end = 206, int(first), min(int(last or end) + 1, end)
        request.send_response(status)
        if status == 206:
            request.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        request.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Length", str(end - start))
        request.end_headers()
        if request.command == "HEAD":
            return
        if name == self.hangs_up_on:
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        self.sent[name] += end - start
        request.wfile.write(data[start:end])

    def _json(self, request: BaseHTTPRequestHandler, answer: object) -> None:
        data = json.dumps(answer).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _error(self, request: BaseHTTPRequestHandler, code: str) -> None:
        request.send_response(404)
        request.send_header("X-Error-Code", code)
        request.send_header("Content-Length", "0")
        request.end_headers()


def _lies_in(path: Path, folder: str, recursive: bool) -> bool:
    parents = [str(parent) for parent in path.parents]
    return folder in parents if recursive else parents[0] == folder
