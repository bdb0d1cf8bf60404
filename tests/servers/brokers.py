"""Real message brokers and a database on loopback: started, killed and started again with what they had stored."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest

START_S = 20.0
SBIN = ":/usr/sbin:/usr/local/sbin"
KAFKA_SCRIPT = Path(__file__).with_name("kafka_server.py")


def found(program: str) -> str:
    """The path of a program; skips the test where it is not installed."""
    path = shutil.which(program, path=os.environ.get("PATH", "") + SBIN)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """A program with a port on 127.0.0.1 and a folder of its own.

    Args:
        command: with ``{port}`` and ``{folder}`` filled in.
        files: what lies in the folder before the start, by name, filled in the same way.
        user: the account that runs it, where this one is root and the program refuses that.
    """

    def __init__(self, command: Sequence[str], files: dict[str, str] | None = None, *, user: str | None = None) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="vision-"))
        self.user = user if os.geteuid() == 0 else None
        for name, text in (files or {}).items():
            (self.folder / name).write_text(self._filled(text))
        if self.user:
            shutil.chown(self.folder, self.user)
        self._command = [self._filled(part) for part in command]
        self._process: subprocess.Popen[bytes] | None = None

    def _filled(self, text: str) -> str:
        return text.replace("{port}", str(self.port)).replace("{folder}", str(self.folder))

    def start(self) -> None:
        """Start on the same port with what was stored, and wait until it answers."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder, user=self.user)
        log.close()
        end = time.monotonic() + START_S
        while not self.is_ready():
            text = (self.folder / "log").read_text(errors="replace")[-2000:]
            assert self._process.poll() is None, text
            assert time.monotonic() < end, text
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """End it and its children as a power cut does."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in order: it may store what it has."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and remove what it stored."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stall(self) -> None:
        """Let connections stand and say nothing more."""
        self._signal(signal.SIGSTOP)
        assert self._process is not None
        os.waitpid(self._process.pid, os.WUNTRACED)  # its threads go on for a moment

    def go_on(self) -> None:
        """End a stall."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the program and its children, which may have sessions of their own."""
        assert self._process is not None
        if self._process.poll() is None:
            parent = psutil.Process(self._process.pid)
            for process in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def mosquitto(config: str = "allow_anonymous true\n", files: dict[str, str] | None = None) -> Server:
    """An MQTT broker that stores every message before it is acknowledged."""
    text = "listener {port} 127.0.0.1\npersistence true\npersistence_location {folder}/\nautosave_on_changes true\n"
    text += "autosave_interval 1\nmax_queued_messages 0\nuser root\n" + config
    return Server([found("mosquitto"), "-c", "{folder}/server.conf"], {**(files or {}), "server.conf": text})


def redis_server(config: str = "", files: dict[str, str] | None = None) -> Server:
    """A Redis that writes every command to its log before it answers."""
    text = 'bind 127.0.0.1\nport {port}\ndir {folder}\nsave ""\nappendonly yes\nappendfsync always\n' + config
    return Server([found("redis-server"), "{folder}/server.conf"], {**(files or {}), "server.conf": text})


def nats_server(config: str = "", files: dict[str, str] | None = None) -> Server:
    """A NATS server with JetStream."""
    text = 'listen: "127.0.0.1:{port}"\njetstream: {{store_dir: "{folder}/js", max_mem: 64MB, max_file: 256MB}}\n'
    text = text.replace("{{", "{").replace("}}", "}") + config
    return Server([found("nats-server"), "-c", "{folder}/server.conf"], {**(files or {}), "server.conf": text})


class Postgres(Server):
    """A PostgreSQL cluster; ``vision`` is a database and its owner, password ``secret``."""

    def __init__(self, settings: str = "") -> None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
        if not folders:
            pytest.skip("postgresql is not installed")
        self.bin = folders[-1]
        options = "listen_addresses='127.0.0.1'\nport={port}\nunix_socket_directories='{folder}'\nfsync=on\n"
        super().__init__(
            [str(self.bin / "postgres"), "-D", "{folder}/data"],
            {"server.conf": options + settings, "password": "secret"},
            user="postgres",
        )
        login = ["-U", "vision", "--auth=scram-sha-256", f"--pwfile={self.folder}/password", "-E", "UTF8", "-N"]
        make = [str(self.bin / "initdb"), "-D", str(self.folder / "data"), *login]
        subprocess.run(make, check=True, capture_output=True, cwd=self.folder, user=self.user)
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write((self.folder / "server.conf").read_text())

    def is_ready(self) -> bool:
        """Whether it takes connections (it listens before it does)."""
        command = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0


class KafkaServer:
    """A broker of librdkafka's mock cluster in a process of its own: the real protocol, nothing stored on disk.

    It cannot be started again with what it had; `down` and `up` cut and allow its connections instead.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(KAFKA_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.address = self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the mock broker did not answer"
        return line

    def say(self, *words: object) -> None:
        """One command, done when this returns."""
        assert self._process.stdin is not None
        print(*words, file=self._process.stdin, flush=True)
        assert self._read() == "done"

    def down(self) -> None:
        """Cut all connections and take no more."""
        self.say("down")

    def up(self) -> None:
        """Take connections again."""
        self.say("up")

    def fail(self, *codes: int) -> None:
        """Answer the next produce requests with these error codes of the protocol."""
        self.say("fail", *codes)

    def stall(self) -> None:
        """Let connections stand and say nothing more."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # its threads go on for a moment

    def go_on(self) -> None:
        """End a stall."""
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it; what it had is gone."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
