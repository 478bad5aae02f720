"""A witness invented for the tests: `add-checkpoint` of c2sp.org/tlog-witness, with its checks in the order given there."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from witting.errors import ProofInvalid
from witting.ledger import merkle
from witting.ledger.checkpoint import VerifierKey, open_checkpoint, parse_note

EMPTY = hashlib.sha256(b"").digest()


class Witness:
    """Knows ledgers by their keys, and of each the last size and root that it cosigned."""

    def __init__(
        self, name: str, *, seconds: int, signer: Ed25519PrivateKey | MLDSA44PrivateKey | None = None
    ) -> None:
        self.name = name
        self.seconds = seconds
        self.signer = signer or Ed25519PrivateKey.generate()
        self.logs: dict[str, VerifierKey] = {}
        self.seen: dict[str, tuple[int, bytes]] = {}

    @property
    def material(self) -> bytes:
        kind = b"\x04" if isinstance(self.signer, Ed25519PrivateKey) else b"\x06"
        return kind + self.signer.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.material).digest()[:4]

    @property
    def key(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.material).decode()}"

    def line(self, text: str) -> str:
        """A cosignature on a note's text, as the specification spells it."""
        time = self.seconds.to_bytes(8, "big")
        if isinstance(self.signer, Ed25519PrivateKey):
            message = b"cosignature/v1\ntime " + str(self.seconds).encode() + b"\n" + text.encode()
        else:
            origin, size, root = text.splitlines()[:3]
            message = b"subtree/v1\n\x00" + bytes([len(self.name)]) + self.name.encode() + time
            message += bytes([len(origin)]) + origin.encode() + bytes(8) + int(size).to_bytes(8, "big")
            message += base64.b64decode(root)
        signed = base64.b64encode(self.key_id + time + self.signer.sign(message)).decode()
        return f"\u2014 {self.name} {signed}\n"

    def answer(self, body: str) -> tuple[int, str]:
        head, _, note = body.partition("\n\n")
        first, *proof = head.split("\n")
        origin = note.split("\n")[0]
        if origin not in self.logs:
            return 404, ""
        try:
            checkpoint = open_checkpoint(note, self.logs[origin])
        except ProofInvalid:
            return 403, ""
        old, (last, root) = int(first.removeprefix("old ")), self.seen.get(origin, (0, EMPTY))
        if old > checkpoint.size:
            return 400, ""
        if old != last:
            return 409, f"{last}\n"
        if old == checkpoint.size and root != checkpoint.root:
            return 409, ""
        try:
            merkle.verify_consistency(
                old=old,
                new=checkpoint.size,
                proof=[base64.b64decode(line) for line in proof],
                old_root=root,
                new_root=checkpoint.root,
            )
        except ProofInvalid:
            return 422, ""
        self.seen[origin] = (checkpoint.size, checkpoint.root)
        return 200, "\u2014 somebody.else AAAAAAA=\n" + self.line(parse_note(note)[0])


@contextmanager
def served(witness: Witness) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            code, said = witness.answer(body) if self.path == "/w/add-checkpoint" else (405, "")
            self.send_response(code)
            if code == 409:
                self.send_header("Content-Type", "text/x.tlog.size")
            self.end_headers()
            self.wfile.write(said.encode())

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/w"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
