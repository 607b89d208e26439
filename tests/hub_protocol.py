"""A Hub on 127.0.0.1: it keeps data sets and answers what huggingface_hub asks, writing included.

    with Hub(folder) as hub:
        hub.faults.append(Fault("commit", 500, times=1))
        …  # HF_ENDPOINT=hub.url, HF_TOKEN=WRITER

What the client sends is real; what is answered is a model of the Hub. Large files lie on a second
server, as they do there, which must never see a token. As a program it serves until it is ended.
"""

import base64
import contextlib
import hashlib
import json
import re
import secrets
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

WRITER = "hf_w'r\"i$t`e\\r%41&<tok>{x}"  # odd characters: none of them may get lost, or out
READER = "hf_reader_0123456789"
EXPIRED = "hf_expired_0123456789"
STRANGER = "hf_stranger_0123456789"

Tree = dict[str, "Stored"]


class Stored(NamedTuple):
    """A file of a commit: in git itself, or by a pointer to a large file."""

    size: int
    oid: str  # git's
    sha256: str | None  # of a large file


class Commit(NamedTuple):
    oid: str
    parent: str | None
    tree: Tree
    message: str


@dataclass
class Repo:
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def history(self, branch: str = "main") -> list[Commit]:
        """The commits of a branch, the newest first."""
        found, at = [], self.branches.get(branch)
        while at:
            found.append(self.commits[at])
            at = self.commits[at].parent
        return found


@dataclass
class Fault:
    """What goes wrong with the requests of a route.

    `how` is a status, "cut" (the connection ends before anything is done), "lost" (it is done, but
    the answer is not sent), or "half" (half of the answer is sent).
    """

    route: str
    how: int | str
    times: int = 1
    skip: int = 0

    def strikes(self, route: str) -> bool:
        if route != self.route or not self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Seen(NamedTuple):
    """A request: its route, and whether it carried a token."""

    route: str
    method: str
    path: str
    token: bool


class Refusal(Exception):
    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Hub:
    """All data sets, and what was asked. `xet=True`: large files come by Xet instead of LFS."""

    def __init__(self, folder: Path, *, xet: bool = False) -> None:
        self.xet = xet
        self.lock = threading.RLock()
        self.reset(folder)
        self._api = _serve(self, _Api)
        self._storage = _serve(self, _Storage)
        self.url = f"http://127.0.0.1:{self._api.server_port}"
        # By another name: the client takes two ports of one host for one server.
        self.storage_url = f"http://localhost:{self._storage.server_port}"

    def reset(self, folder: Path) -> None:
        """Forget everything, and keep large files in this folder from now on."""
        self.repos: dict[str, Repo] = {}
        self.texts: dict[str, bytes] = {}  # by git's oid
        self.blobs = folder / "blobs"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self.multipart_above, self.part_bytes = 2**62, 2**20
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.received: list[str] = []  # the sha256 of every large file that arrived, in order
        self.xorbs: list[str] = []
        self.shards: list[bytes] = []
        self.bytes_received = 0
        self.after_blob: Callable[[int], None] = lambda n: None
        self.before_commit: Callable[[], None] = lambda: None
        self.after: dict[str, Callable[[], None]] = {}  # of a route: done, but not yet answered
        self.leaks: list[str] = []  # where a token was seen that must not be
        self.users: dict[str, dict[str, Any]] = {
            WRITER: {"name": "ada", "role": "write", "orgs": {"ORG": "write", "other": "read"}},
            READER: {"name": "bob", "role": "read", "orgs": {"ORG": "read"}},
            STRANGER: {"name": "eve", "role": "write", "orgs": {}},
        }

    def __enter__(self) -> "Hub":
        return self

    def __exit__(self, *error: object) -> None:
        for server in (self._api, self._storage):
            server.shutdown()
            server.server_close()

    def repo(self, name: str = "ORG/nt") -> Repo:
        return self.repos[name]

    def shown(self, revision: str = "main", name: str = "ORG/nt") -> Tree | None:
        """The files that a branch or tag shows; None if there is no such thing."""
        repo = self.repos.get(name)
        at = repo and (repo.branches | repo.tags).get(revision)
        return repo.commits[at].tree if repo and at else None

    def text(self, path: str, revision: str = "main", name: str = "ORG/nt") -> str:
        tree = self.shown(revision, name)
        assert tree is not None
        return self.content(tree[path]).decode()

    def content(self, stored: Stored) -> bytes:
        if stored.sha256:
            return (self.blobs / stored.sha256).read_bytes()
        return self.texts[stored.oid]

    def edit(self, path: str, text: str, name: str = "ORG/nt") -> str:
        """A person changes a file on the page."""
        with self.lock:
            repo = self.repos[name]
            tree = dict(repo.commits[repo.branches["main"]].tree)
            tree[path] = self.keep_text(text.encode())
            return self.commit(repo, "main", tree, f"Update {path}")

    def keep_text(self, data: bytes) -> Stored:
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.texts[oid] = data
        return Stored(len(data), oid, None)

    def commit(self, repo: Repo, branch: str, tree: Tree, message: str) -> str:
        parent = repo.branches.get(branch)
        known = json.dumps([parent, sorted(tree.items()), message, secrets.token_hex(4)])
        oid = hashlib.sha1(known.encode()).hexdigest()
        repo.commits[oid] = Commit(oid, parent, tree, message)
        repo.branches[branch] = oid
        return oid


def _serve(hub: Hub, handler: type["_Handler"]) -> ThreadingHTTPServer:
    bound = type(handler.__name__, (handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    routes: tuple[tuple[str, str, str], ...]
    _route, _lost, _half = "", False, False

    def log_message(self, *arguments: object) -> None:
        pass

    def _any(self) -> None:
        parts = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.left = int(self.headers.get("Content-Length") or 0)
        for name, methods, pattern in self.routes:
            match = re.fullmatch(pattern, parts.path)
            if match and self.command in methods.split():
                self._answer(name, [unquote(group or "") for group in match.groups()])
                return
        self._drain()
        self._json(404, {"error": f"no route {self.command} {self.path}"})

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _any

    def _answer(self, route: str, arguments: list[str]) -> None:
        hub = self.hub
        with hub.lock:
            token = "Authorization" in self.headers
            hub.seen.append(Seen(route, self.command, self.path, token))
            fault = next((fault for fault in hub.faults if fault.strikes(route)), None)
        self._route, self._lost, self._half = route, False, False
        if fault and fault.how == "cut":
            self._cut()
            return
        if fault and isinstance(fault.how, int):
            self._drain()
            self._json(fault.how, {"error": "scripted"}, {"Retry-After": "0"})
            return
        self._lost = bool(fault and fault.how == "lost")
        self._half = bool(fault and fault.how == "half")
        try:
            getattr(self, route)(*arguments)
        except Refusal as refusal:
            self._drain()
            headers = {"X-Error-Message": str(refusal)}
            if refusal.code:
                headers["X-Error-Code"] = refusal.code
            self._json(refusal.status, {"error": str(refusal)}, headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _cut(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _body(self) -> bytes:
        data = self.rfile.read(self.left)
        self.left = 0
        return data

    def _drain(self) -> None:
        while self.left > 0:
            self.left -= len(self.rfile.read(min(self.left, 2**20)) or b" " * self.left)

    def _json(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(answer).encode()
        self._send(status, data, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.hub.after.get(self._route, lambda: None)()
        if self._lost:
            self._cut()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            if self._half:
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                self._cut()
                return
            self.wfile.write(data)

    def _ranged(self, data: bytes, headers: dict[str, str]) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        headers = {"Accept-Ranges": "bytes", **headers}
        if not wanted:
            self._send(200, data, headers | {"Content-Length": str(len(data))})
            return
        start, end = int(wanted[1]), min(int(wanted[2] or len(data)) + 1, len(data))
        headers |= {
            "Content-Range": f"bytes {start}-{end - 1}/{len(data)}",
            "Content-Length": str(end - start),
        }
        self._send(206, data[start:end], headers)


_NAME = "([^/]+/[^/]+)"


class _Api(_Handler):
    routes = (
        ("whoami", "GET", "/api/whoami-v2"),
        ("validate", "POST", "/api/validate-yaml"),
        ("create", "POST", "/api/repos/create"),
        ("refs", "GET", f"/api/datasets/{_NAME}/refs"),
        ("tree", "GET", f"/api/datasets/{_NAME}/tree/([^/]+)(?:/(.*))?"),
        ("paths_info", "POST", f"/api/datasets/{_NAME}/paths-info/([^/]+)"),
        ("preupload", "POST", f"/api/datasets/{_NAME}/preupload/([^/]+)"),
        ("commit", "POST", f"/api/datasets/{_NAME}/commit/([^/]+)"),
        ("tag", "POST", f"/api/datasets/{_NAME}/tag/([^/]+)"),
        ("xet_token", "GET", f"/api/datasets/{_NAME}/xet-write-token/([^/]+)"),
        ("info", "GET", f"/api/datasets/{_NAME}(?:/revision/([^/]+))?"),
        ("batch", "POST", f"/datasets/{_NAME}\\.git/info/lfs/objects/batch"),
        ("verify", "POST", f"/datasets/{_NAME}\\.git/info/lfs/verify"),
        ("resolve", "GET HEAD", f"/datasets/{_NAME}/resolve/([^/]+)/(.*)"),
    )

    def _user(self) -> dict[str, Any] | None:
        header = self.headers.get("Authorization")
        if header is None:
            return None
        token = header.removeprefix("Bearer ")
        if token not in self.hub.users:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return self.hub.users[token]

    def _repo(self, name: str, *, write: bool = False) -> Repo:
        user, repo = self._user(), self.hub.repos.get(name)
        owner = name.split("/")[0]
        may_see = user and (owner == user["name"] or owner in user["orgs"])
        if repo is None or (repo.private and not may_see):
            raise Refusal(404 if user else 401, "Repository not found", "RepoNotFound")
        if write:
            self._may_write(owner)
        return repo

    def _may_write(self, owner: str) -> None:
        user = self._user()
        if user is None:
            raise Refusal(401, "Log in first")
        if user["role"] != "write" or not (
            owner == user["name"] or user["orgs"].get(owner) == "write"
        ):
            raise Refusal(403, f"You don't have the rights to write to {owner}")

    def _commit_of(self, repo: Repo, revision: str) -> Commit:
        at = (repo.branches | repo.tags).get(revision, revision)
        if at not in repo.commits:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repo.commits[at]

    def whoami(self) -> None:
        user = self._user()
        if user is None:
            raise Refusal(401, "Invalid credentials in Authorization header")
        orgs = [{"name": name, "roleInOrg": role} for name, role in user["orgs"].items()]
        auth = {"type": "access_token", "accessToken": {"displayName": "t", "role": user["role"]}}
        self._json(200, {"type": "user", "name": user["name"], "orgs": orgs, "auth": auth})

    def validate(self) -> None:
        content = json.loads(self._body())["content"]
        errors = [] if content.startswith("---\n") else [{"message": "no metadata"}]
        self._json(400 if errors else 200, {"errors": errors, "warnings": []})

    def create(self) -> None:
        asked = json.loads(self._body())
        user = self._user()
        owner = asked.get("organization") or (user or {}).get("name", "")
        name = f"{owner}/{asked['name']}"
        self._may_write(owner)
        url = f"{self.hub.url}/datasets/{name}"
        with self.hub.lock:
            if name in self.hub.repos:
                self._json(409, {"error": "You already created this dataset repo", "url": url})
                return
            repo = self.hub.repos[name] = Repo(asked.get("visibility") == "private")
            tree = {".gitattributes": self.hub.keep_text(b"*.parquet filter=lfs\n")}
            self.hub.commit(repo, "main", tree, "initial commit")
        self._json(200, {"url": url, "name": name, "id": name})

    def refs(self, name: str) -> None:
        repo = self._repo(name)

        def listed(kind: str, named: dict[str, str]) -> list[dict[str, str]]:
            return [
                {"name": n, "ref": f"refs/{kind}/{n}", "targetCommit": at}
                for n, at in named.items()
            ]

        with self.hub.lock:
            heads, tags = listed("heads", repo.branches), listed("tags", repo.tags)
        self._json(200, {"branches": heads, "tags": tags, "converts": []})

    def info(self, name: str, revision: str) -> None:
        repo = self._repo(name)
        commit = self._commit_of(repo, revision or "main")
        siblings = [{"rfilename": path} for path in sorted(commit.tree)]
        when = "2026-01-01T00:00:00.000Z"
        self._json(
            200,
            {
                "_id": "1",
                "id": name,
                "author": name.split("/")[0],
                "sha": commit.oid,
                "lastModified": when,
                "createdAt": when,
                "private": repo.private,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "siblings": siblings,
            },
        )

    def tree(self, name: str, revision: str, folder: str) -> None:
        nodes = _nodes(self._commit_of(self._repo(name), revision).tree)
        below = f"{folder}/" if folder else ""
        deep = self.query.get("recursive", "").lower() == "true"
        inside = [
            node
            for path, node in nodes.items()
            if path.startswith(below) and (deep or "/" not in path[len(below) :])
        ]
        if folder and not inside:
            raise Refusal(404, f"{folder} does not exist", "EntryNotFound")
        start, page = int(self.query.get("cursor", 0)), 40
        headers = {}
        if start + page < len(inside):
            parts = urlsplit(self.path)
            link = f"{self.hub.url}{parts.path}?recursive={deep}&cursor={start + page}"
            headers["Link"] = f'<{link}>; rel="next"'
        self._json(200, inside[start : start + page], headers)

    def paths_info(self, name: str, revision: str) -> None:
        body = self._body().decode()
        nodes = _nodes(self._commit_of(self._repo(name), revision).tree)
        wanted = (
            json.loads(body)["paths"] if body.startswith("{") else parse_qs(body).get("paths", [])
        )
        self._json(200, [nodes[path] for path in wanted if path in nodes])

    def preupload(self, name: str, revision: str) -> None:
        repo = self._repo(name, write=True)
        tree = self._commit_of(repo, revision).tree
        files = []
        for one in json.loads(self._body())["files"]:
            large = one["path"].endswith((".parquet", ".png")) or one["size"] > 10 * 2**20
            mode = "lfs" if large else "regular"
            known = tree.get(one["path"])
            oid = {"oid": known.sha256 or known.oid} if known else {}
            files.append({"path": one["path"], "uploadMode": mode, "shouldIgnore": False, **oid})
        self._json(200, {"files": files})

    def batch(self, name: str) -> None:
        self._repo(name, write=True)
        asked = json.loads(self._body())["objects"]
        self._json(200, {"transfer": "basic", "objects": [self._upload(name, o) for o in asked]})

    def _upload(self, name: str, asked: dict[str, Any]) -> dict[str, Any]:
        oid, size, storage = asked["oid"], asked["size"], self.hub.storage_url
        if (self.hub.blobs / oid).exists():
            return {"oid": oid, "size": size}
        actions: dict[str, Any] = {
            "upload": {"href": f"{storage}/blobs/{oid}", "header": {}},
            "verify": {"href": f"{self.hub.url}/datasets/{name}.git/info/lfs/verify"},
        }
        if size > self.hub.multipart_above:
            parts = -(-size // self.hub.part_bytes)
            actions["upload"] = {
                "href": f"{storage}/complete/{oid}",
                "header": {"chunk_size": str(self.hub.part_bytes)}
                | {str(n + 1): f"{storage}/parts/{oid}/{n + 1:05d}" for n in range(parts)},
            }
        return {"oid": oid, "size": size, "actions": actions}

    def verify(self, name: str) -> None:
        self._repo(name, write=True)
        asked = json.loads(self._body())
        path = self.hub.blobs / asked["oid"]
        if not path.exists() or path.stat().st_size != asked["size"]:
            raise Refusal(404, "object not found")
        self._json(200, {})

    def commit(self, name: str, revision: str) -> None:
        repo = self._repo(name, write=True)
        lines = [json.loads(line) for line in self._body().splitlines()]
        header = lines[0]["value"]
        self.hub.before_commit()
        with self.hub.lock:
            head = repo.branches.get(revision)
            if header.get("parentCommit", head) != head:
                message = "A commit has happened since. Please refresh and try again."
                raise Refusal(412, message)
            tree = dict(repo.commits[head].tree) if head else {}
            for line in lines[1:]:
                self._apply(tree, line["key"], line["value"])
            oid = self.hub.commit(repo, revision, tree, header["summary"])
        url = f"{self.hub.url}/datasets/{name}/commit/{oid}"
        self._json(200, {"success": True, "commitOid": oid, "commitUrl": url})

    def _apply(self, tree: Tree, key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            tree[path] = self.hub.keep_text(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            known = (self.hub.blobs / value["oid"]).exists() or self._by_xet(value["oid"])
            if not known:
                raise Refusal(400, f"the content of {path} was not uploaded")
            pointer = hashlib.sha1(value["oid"].encode()).hexdigest()
            tree[path] = Stored(int(value["size"]), pointer, value["oid"])
        elif path in tree:
            del tree[path]
        else:
            raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")

    def _by_xet(self, oid: str) -> bool:
        """Whether a shard names the sha256, whose words of 8 bytes it may turn around."""
        raw = bytes.fromhex(oid)
        turned = b"".join(raw[i : i + 8][::-1] for i in range(0, 32, 8))
        return any(raw in shard or turned in shard for shard in self.hub.shards)

    def tag(self, name: str, revision: str) -> None:
        repo = self._repo(name, write=True)
        asked = json.loads(self._body())
        commit = self._commit_of(repo, revision)
        with self.hub.lock:
            if asked["tag"] in repo.tags:
                raise Refusal(409, "Tag reference exists already.")
            repo.tags[asked["tag"]] = commit.oid
        self._json(200, {})

    def xet_token(self, name: str, revision: str) -> None:
        self._repo(name, write=True)
        if not self.hub.xet:
            raise Refusal(404, "no Xet here")
        soon = int(time.time()) + 3600
        names = ("X-Xet-Cas-Url", "X-Xet-Access-Token", "X-Xet-Token-Expiration")
        values = (self.hub.storage_url, "cas-token", str(soon))
        answer = {"accessToken": "cas-token", "casUrl": self.hub.storage_url, "exp": soon}
        self._json(200, answer, dict(zip(names, values, strict=True)))

    def resolve(self, name: str, revision: str, path: str) -> None:
        repo = self._repo(name)
        commit = self._commit_of(repo, revision)
        if path not in commit.tree:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        stored = commit.tree[path]
        headers = {"X-Repo-Commit": commit.oid}
        if stored.sha256 is None:
            self._ranged(self.hub.content(stored), headers | {"ETag": f'"{stored.oid}"'})
            return
        headers |= {
            "Location": f"{self.hub.storage_url}/blobs/{stored.sha256}",
            "X-Linked-Size": str(stored.size),
            "X-Linked-Etag": f'"{stored.sha256}"',
        }
        self._send(302, b"", headers)


class _Storage(_Handler):
    """Where large files lie. It is another host: whoever shows it a token of the Hub's leaks it."""

    routes = (
        ("blob_put", "PUT", "/blobs/([0-9a-f]{64})"),
        ("part_put", "PUT", "/parts/([0-9a-f]{64})/([0-9]+)"),
        ("complete", "POST", "/complete/([0-9a-f]{64})"),
        ("blob_get", "GET HEAD", "/blobs/([0-9a-f]{64})"),
        ("chunks", "GET", "/v1/chunks/.*"),
        ("xorb", "POST", "/v1/xorbs/default/(.*)"),
        ("shard", "POST", "/v1/shards"),
    )

    def _answer(self, route: str, arguments: list[str]) -> None:
        sent = self.headers.get("Authorization", "")
        if sent and sent != "Bearer cas-token":
            self.hub.leaks.append(f"{self.command} {self.path}")
        super()._answer(route, arguments)

    def blob_put(self, oid: str) -> None:
        part = self.hub.blobs / f".{oid}.{secrets.token_hex(4)}"
        digest = hashlib.sha256()
        with part.open("wb") as file:
            while self.left > 0:
                data = self.rfile.read(min(self.left, 2**20))
                if not data:  # the sender is gone: nothing is kept
                    part.unlink()
                    return
                self.left -= len(data)
                digest.update(data)
                file.write(data)
        if digest.hexdigest() != oid:
            part.unlink()
            raise Refusal(400, "the content has another sha256")
        self._keep(oid, part)
        self._send(200, b"", {})

    def _keep(self, oid: str, part: Path) -> None:
        with self.hub.lock:
            self.hub.bytes_received += part.stat().st_size
            part.rename(self.hub.blobs / oid)
            self.hub.received.append(oid)
            count = len(self.hub.received)
        self.hub.after_blob(count)

    def part_put(self, oid: str, number: str) -> None:
        folder = self.hub.blobs / f".parts-{oid}"
        folder.mkdir(exist_ok=True)
        (folder / number).write_bytes(self._body())
        self._send(200, b"", {"ETag": f'"{number}"'})

    def complete(self, oid: str) -> None:
        parts = json.loads(self._body())["parts"]
        folder = self.hub.blobs / f".parts-{oid}"
        data = b"".join((folder / part["etag"].strip('"')).read_bytes() for part in parts)
        if hashlib.sha256(data).hexdigest() != oid:
            raise Refusal(400, "the content has another sha256")
        whole = self.hub.blobs / f".{oid}.{secrets.token_hex(4)}"
        whole.write_bytes(data)
        self._keep(oid, whole)
        self._json(200, {})

    def blob_get(self, oid: str) -> None:
        path = self.hub.blobs / oid
        if not path.exists():
            raise Refusal(404, "no such blob")
        self._ranged(path.read_bytes(), {"ETag": f'"{oid}"'})

    def chunks(self) -> None:
        raise Refusal(404, "no global deduplication")

    def xorb(self, name: str) -> None:
        data = self._body()
        with self.hub.lock:
            self.hub.xorbs.append(name)
            self.hub.bytes_received += len(data)
            count = len(self.hub.xorbs)
        self.hub.after_blob(count)
        self._json(200, {"was_inserted": True})

    def shard(self) -> None:
        self.hub.shards.append(self._body())
        self._json(200, {"result": 1})


def _nodes(tree: Tree) -> dict[str, dict[str, Any]]:
    """Files and folders of a commit, as the Hub lists them."""
    nodes: dict[str, dict[str, Any]] = {}
    for path, stored in sorted(tree.items()):
        for parent in reversed(Path(path).parents[:-1]):
            folder = parent.as_posix()
            oid = hashlib.sha1(folder.encode()).hexdigest()
            nodes.setdefault(folder, {"type": "directory", "path": folder, "oid": oid, "size": 0})
        nodes[path] = {"type": "file", "path": path, "size": stored.size, "oid": stored.oid}
        if stored.sha256:
            lfs = {"oid": stored.sha256, "size": stored.size, "pointerSize": 134}
            nodes[path] |= {"lfs": lfs}
    return nodes


def address(hub: Hub, path: str, revision: str = "main", name: str = "ORG/nt") -> str:
    """Where a file can be fetched."""
    return f"{hub.url}/datasets/{name}/resolve/{quote(revision, safe='')}/{path}"


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="nt-hub-"))
    with Hub(where) as running:
        print(running.url, flush=True)
        threading.Event().wait()
