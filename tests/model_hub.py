"""A Hub of models on 127.0.0.1 that answers what the client asks when it creates and commits."""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


class ModelHub:
    """Keeps the files of one repository; `refuse` makes it answer every commit with a status."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.private: bool | None = None
        self.tokens: set[str | None] = set()
        self.refuse: int | None = None
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.answer(self)

            do_POST = do_GET
            do_PUT = do_GET
            do_HEAD = do_GET

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ModelHub":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        path = urlsplit(request.path).path
        if not path.startswith("/large/"):
            self.tokens.add(request.headers.get("Authorization"))
        if path.startswith("/large/"):
            self.large[path.removeprefix("/large/")] = body
            reply(request, {})
        elif path == "/api/repos/create":
            asked = json.loads(body)
            self.private = asked.get("private", asked.get("visibility") == "private")
            name = f"{asked.get('organization') or 'me'}/{asked['name']}"
            reply(request, {"url": f"{self.url}/{name}", "name": name, "id": "1"})
        elif request.command in ("GET", "HEAD") and "/resolve/" in path:
            data = self.files.get(path.partition("/resolve/")[2].partition("/")[2])
            headers = {
                "X-Repo-Commit": COMMIT,
                "ETag": f'"{hashlib.sha1(data or b"").hexdigest()}"',
            }
            missing = {"X-Error-Code": "EntryNotFound"}
            reply(request, data or b"", 200 if data else 404, headers if data else missing)
        elif request.command == "GET" and path.startswith("/api/models/"):
            reply(request, {"id": "me/student", "sha": COMMIT, "siblings": []})
        elif path == "/api/validate-yaml":
            reply(request, {"errors": [], "warnings": []})
        elif "/preupload/" in path:
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith("safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            reply(request, {"files": modes})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**one, "actions": {"upload": {"href": f"{self.url}/large/{one['oid']}"}}}
                for one in json.loads(body)["objects"]
            ]
            reply(request, {"transfer": "basic", "objects": objects})
        elif "/commit/" in path and self.refuse:
            reply(request, {"error": "refused"}, self.refuse)
        elif "/commit/" in path:
            self.commit([json.loads(line) for line in body.splitlines()])
            reply(request, {"success": True, "commitOid": COMMIT,
                            "commitUrl": f"{self.url}/me/student/commit/{COMMIT}"})  # fmt: skip
        else:
            reply(request, {"error": "not found"}, 404)

    def commit(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                data = self.large[value["oid"]]
                assert hashlib.sha256(data).hexdigest() == value["oid"]
                self.files[value["path"]] = data


def reply(
    request: BaseHTTPRequestHandler,
    answer: object,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(data)))
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(data)
