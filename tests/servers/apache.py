"""Apache with mod_auth_digest on loopback: a digest that others wrote, in front of the platform to test against."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MODULES = Path("/usr/lib/apache2/modules")
NEEDED = (
    "mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest", "proxy", "proxy_http",
)  # fmt: skip
REALM = "viid"
HAS_APACHE = shutil.which("apache2") is not None and all((MODULES / f"mod_{m}.so").exists() for m in NEEDED)


class Apache:
    """Everything at ``url`` needs digest and goes on to ``backend``.

    Args:
        nonce_s: how long nonces live.
    """

    def __init__(self, backend: str, users: dict[str, str], *, nonce_s: int = 300) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vision-apache-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)  # started by root, Apache becomes another user, who must reach its files
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "access.log"
        lines = [f"{u}:{REALM}:{hashlib.md5(f'{u}:{REALM}:{p}'.encode()).hexdigest()}\n" for u, p in users.items()]
        (folder / "users").write_text("".join(lines))
        modules = "\n".join(f"LoadModule {m}_module {MODULES}/mod_{m}.so" for m in NEEDED)
        user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
        config = f"""
ServerRoot {folder}
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
PidFile {folder}/pid
Mutex file:{folder} default
DefaultRuntimeDir {folder}
{modules}
{user}
ErrorLog {folder}/error.log
LogFormat "%s\t%U\t%{{Authorization}}i\t%{{WWW-Authenticate}}o" viid
CustomLog {self.log} viid
ProxyPass / {backend}/
ProxyPassReverse / {backend}/
<Location />
AuthType Digest
AuthName "{REALM}"
AuthDigestProvider file
AuthUserFile {folder}/users
AuthDigestNonceLifetime {nonce_s}
AuthDigestDomain /
Require valid-user
</Location>
"""
        (folder / "apache.conf").write_text(config)
        self._process = subprocess.Popen(
            ["apache2", "-f", str(folder / "apache.conf"), "-DFOREGROUND"], stderr=subprocess.PIPE, text=True
        )
        until_s = time.monotonic() + 10
        while not is_open(port):
            if self._process.poll() is not None or time.monotonic() > until_s:
                self._process.kill()
                raise RuntimeError(f"Apache did not start: {self._process.communicate()[1]}")
            time.sleep(0.05)

    def lines(self, n: int) -> list[tuple[int, str, str, str]]:
        """Status, path, Authorization and WWW-Authenticate of each request so far; waits until there are n."""
        end_s = time.monotonic() + 20
        while len(found := self.log.read_text().splitlines()) < n and time.monotonic() < end_s:
            time.sleep(0.05)  # the log is written after the answer
        rows = [line.replace('\\"', '"').split("\t") for line in found]
        return [(int(status), path, asked, said) for status, path, asked, said in rows]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)
        self._folder.cleanup()


def is_open(port: int) -> bool:
    """Whether something listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
