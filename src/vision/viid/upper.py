"""The upper half of a cascade, for the platform to test against: it subscribes to a lower platform's vehicles."""

from __future__ import annotations

import logging
import threading

from vision.errors import SinkError
from vision.viid.answers import describe
from vision.viid.client import Client
from vision.viid.codes import VEHICLES_DETAIL
from vision.viid.ids import SUBSCRIPTION, message_id
from vision.viid.profile import Profile
from vision.viid.subscriptions import SUBSCRIBES

LOG = logging.getLogger("vision.viid")
BEGIN, END = "20200101000000", "20991231235959"


class Subscriber:
    """Subscribes to all vehicles of a lower platform, always under the same id: one that was started anew asks for
    nothing twice.

    Args:
        lower: ``http://host:port`` where the lower platform listens.
        own: the 20 digits of this platform.
        receive: where notifications are to go.
    """

    def __init__(self, lower: str, own: str, receive: str, profile: Profile) -> None:
        self.lower = lower
        self.said = ""  # what the lower platform answered last
        self._client = Client(lower, own, "", profile=profile)
        self._order = {
            "SubscribeID": message_id(own[:12], SUBSCRIPTION, BEGIN, 1),
            "Title": "vehicles",
            "SubscribeDetail": VEHICLES_DETAIL,
            "ResourceURI": "",
            "ApplicantName": "test platform",
            "ApplicantOrg": own,
            "BeginTime": BEGIN,
            "EndTime": END,
            "ReceiveAddr": receive,
            "OperateType": 0,
            "SubscribeStatus": 0,
        }
        self._thread: threading.Thread | None = None

    def order(self) -> None:
        """Subscribe, in a thread: a lower platform may wait for the answer to its registration first."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._post, name="viid-subscribe", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait for a request that is under way."""
        if self._thread is not None:
            self._thread.join(10)
        self._client.close()

    def _post(self) -> None:
        body = {"SubscribeListObject": {"SubscribeObject": [self._order]}}
        try:
            reply = self._client.post(SUBSCRIBES, body, with_digest=False)
        except SinkError as err:
            self.said = str(err)
        else:
            self.said = describe(reply, reply.statuses[0] if reply.statuses else None)
        LOG.info("subscription at %s: %s", self.lower, self.said)
