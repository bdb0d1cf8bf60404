"""The registration at a platform: made when it is needed, kept alive, made anew when it is gone."""

from __future__ import annotations

import logging
import random
import threading
import time
from datetime import tzinfo

from vision.errors import SinkError
from vision.viid.client import Client, Clock

LOG = logging.getLogger("vision.viid")
MOST_FAILURES = 3  # requests without an answer after which the link counts as down
WORTH_A_WORD_NS = 2_000_000_000


class Link:
    """Keeps one device registered.

    ``lock`` is held by whoever talks to the platform: the thread that delivers, or the one that keeps alive.

    Args:
        keepalive_s, clock_s: seconds between two of each.
        wait_s: after a refused registration the next comes at a random moment within so many seconds.
    """

    def __init__(self, client: Client, zone: tzinfo, *, keepalive_s: float, clock_s: float, wait_s: float) -> None:
        self.client, self.zone = client, zone
        self.keepalive_s, self.clock_s, self.wait_s = keepalive_s, clock_s, wait_s
        self.lock = threading.RLock()
        self.clock: Clock | None = None
        self.is_registered = False
        self.n_registrations = 0
        self._failures = 0
        self._clock_due_s = self._register_due_s = 0.0
        self._refusal = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def ensure(self) -> None:
        """Register if that is not done; the first time, begin to keep alive.

        Raises:
            SinkError: no answer, or it was refused; then without asking until the time for the next try has come.
        """
        with self.lock:
            if not self.is_registered:
                self.register()
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._keep, name="viid-keepalive", daemon=True)
                self._thread.start()

    def register(self) -> None:
        """Register now.

        Raises:
            SinkError: as `ensure`.
        """
        with self.lock:
            self.is_registered = False
            left_s = self._register_due_s - time.monotonic()
            if left_s > 0:
                why = f"registration refused ({self._refusal}); next try in {left_s:.0f} s"
                raise SinkError(f"{self.client.url}: {why}", wait_s=left_s)
            verdict = self.client.register()
            if verdict.state != "ok":
                self._refusal = verdict.detail
                wait_s = random.uniform(0.0, self.wait_s)
                self._register_due_s = time.monotonic() + wait_s
                raise SinkError(f"{self.client.url}: registration refused: {verdict.detail}", wait_s=wait_s)
            self.is_registered = True
            self.n_registrations += 1
            self.answered()
            LOG.info("%s: registered as %s", self.client.url, self.client.device)
            self._ask_time()

    def answered(self) -> None:
        """An answer came: the link is up."""
        self._failures = 0

    def failed(self) -> None:
        """No answer came; after several the registration counts as lost."""
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self.is_registered = False

    def close(self, *, timeout_s: float = 2.0) -> None:
        """Stop keeping alive, say goodbye."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self.lock.acquire(timeout=timeout_s):
            try:
                if self.is_registered:
                    self.client.unregister()
            except SinkError as err:
                LOG.info("not unregistered: %s", err)
            finally:
                self.is_registered = False
                self.lock.release()
        self.client.close()

    def _keep(self) -> None:
        while not self._stop.wait(self.keepalive_s):
            with self.lock:
                if self._stop.is_set():
                    return
                try:
                    self.beat()
                except SinkError as err:
                    LOG.warning("keep-alive: %s", err)

    def beat(self) -> None:
        """One sign of life; whoever is taken for a stranger registers.

        Raises:
            SinkError: no answer, or the new registration was refused.
        """
        with self.lock:
            if not self.is_registered:
                self.register()
                return
            try:
                verdict = self.client.keepalive()
            except SinkError:
                self.failed()
                raise
            self.answered()
            if verdict.state != "ok":
                LOG.warning("%s: keep-alive refused (%s): registering anew", self.client.url, verdict.detail)
                self.register()
            elif time.monotonic() >= self._clock_due_s:
                self._ask_time()

    def _ask_time(self) -> None:
        self._clock_due_s = time.monotonic() + self.clock_s
        try:
            self.clock = self.client.clock(self.zone)
        except SinkError as err:
            LOG.warning("time not measured: %s", err)
            return
        if self.clock is not None and abs(self.clock.offset_ns) > WORTH_A_WORD_NS + self.clock.error_ns:
            LOG.warning("%s: its clock is %+.1f s ahead of ours", self.client.url, self.clock.offset_ns / 1e9)
