"""A server on loopback that answers as the Hugging Face hub does, for one repository."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Hub:
    """Serves `files` (name -> bytes); safetensors as large files (sha256), others as git blobs.

    Attributes
    ----------
    log : list of (method, path, range)
        What was asked.
    cut : dict
        File name -> list of numbers of bytes after which the connection is dropped, one an answer.
    lie : dict
        File name -> bytes sent instead of the true ones.
    gated : bool
        Refuse everything, as for a model whose licence was not accepted.
    """

    def __init__(self, files, repository="lab/tiny", commit="a" * 40):
        self.files, self.repository, self.commit = dict(files), repository, commit
        self.log, self.cut, self.lie, self.gated = [], {}, {}, False
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_HEAD(self):
                self.answer()

            def do_GET(self):
                self.answer()

            def answer(self):
                hub.log.append((self.command, self.path, self.headers.get("Range")))
                path = self.path.split("?")[0]
                if hub.gated:
                    return self.send(
                        b"{}",
                        403,
                        {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted"},
                    )
                if m := re.fullmatch(rf"/api/models/{hub.repository}(?:/revision/(.+))?", path):
                    if m[1] not in (None, "main", hub.commit):
                        return self.send(b"{}", 404, {"X-Error-Code": "RevisionNotFound"})
                    entries = {f: hub.entry(f) for f in hub.files} if "blobs=" in self.path else {}
                    large = {
                        f: {"lfs": {"sha256": e["lfs"]["oid"], "size": e["size"], "pointerSize": 1}}
                        for f, e in entries.items()
                        if "lfs" in e
                    }
                    siblings = [
                        {
                            "rfilename": f,
                            **({"blobId": entries[f]["oid"], "size": entries[f]["size"]} if entries else {}),
                            **large.get(f, {}),
                        }
                        for f in hub.files
                    ]
                    return self.send(
                        json.dumps(
                            {
                                "id": hub.repository,
                                "sha": hub.commit,
                                "siblings": siblings,
                                "private": False,
                                "gated": False,
                                "tags": [],
                            }
                        ).encode()
                    )
                if path.startswith(f"/api/models/{hub.repository}/tree/"):
                    return self.send(json.dumps([hub.entry(f) for f in hub.files]).encode())
                if (m := re.fullmatch(rf"/{hub.repository}/resolve/[^/]+/(.+)", path)) and m[1] in hub.files:
                    return self.send_file(m[1])
                self.send(b"{}", 404, {"X-Error-Code": "EntryNotFound" if "/resolve/" in path else "RepoNotFound"})

            def send(self, body, code=200, headers=None):
                self.send_response(code)
                for key, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                    **(headers or {}),
                }.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def send_file(self, name):
                content, entry = hub.files[name], hub.entry(name)
                start = int(re.match(r"bytes=(\d+)-", self.headers["Range"])[1]) if self.headers.get("Range") else 0
                body = hub.lie.get(name, content)[start:]
                self.send_response(206 if start else 200)
                etag = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
                headers = {
                    "ETag": f'"{etag}"',
                    "X-Repo-Commit": hub.commit,
                    "Accept-Ranges": "bytes",
                    "Content-Length": str(len(body)),
                }
                if "lfs" in entry:
                    headers |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(content))}
                if start:
                    headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                for key, value in headers.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command != "GET":
                    return
                if hub.cut.get(name):
                    self.wfile.write(body[: hub.cut[name].pop(0)])
                    self.wfile.flush()
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def entry(self, name):
        content = self.files[name]
        large = (
            {"lfs": {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 1}}
            if name.endswith(".safetensors")
            else {}
        )
        return {"type": "file", "path": name, "size": len(content), "oid": git_sha1(content), **large}

    def downloads(self, name):
        return [(m, r) for m, p, r in self.log if m == "GET" and p.endswith("/" + name)]

    def close(self):
        """Be gone; a second call does nothing."""
        self.server.shutdown()
        self.server.server_close()
