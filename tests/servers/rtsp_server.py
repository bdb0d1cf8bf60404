#!/usr/bin/python3
"""A real RTSP server on loopback that plays raw H.264 or H.265 files in real time, over and over, like a camera.

Runs under the system's Python (GStreamer comes from Debian's packages, not from an index of Python packages):

    apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
    /usr/bin/python3 rtsp_server.py --port 0 --mount cam1=a.h264 --mount cam2=b.h265 [--user NAME:PASSWORD] [--tls FILE]

Prints ``port N`` once clients may come. With ``--user`` every mount wants HTTP digest authentication, with ``--tls`` (a
PEM file with certificate and key) clients come by rtsps.
"""

import argparse
import itertools
import re
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

NS = 1_000_000_000


def pictures_of(path: str) -> list[bytes]:
    """The access units of a raw stream that has one slice to a picture.

    Source: ITU-T H.264 and H.265, annex B (start codes) and table 7-1 (types of NAL units).
    """
    with open(path, "rb") as file:
        units = re.split(rb"\x00\x00\x00?\x01", file.read())[1:]
    pictures, head = [], b""
    for unit in units:
        head += b"\x00\x00\x00\x01" + unit
        is_picture = (unit[0] >> 1 & 63) < 32 if path.endswith("h265") else 1 <= unit[0] & 31 <= 5
        if is_picture:
            pictures.append(head)
            head = b""
    return pictures


class Loop(GstRtspServer.RTSPMediaFactory):
    """A mount that plays a file over and over; the file is read anew when the first client comes."""

    def __init__(self, path: str, rate: int) -> None:
        super().__init__()
        self.path, self.rate = path, rate
        kind = "h265" if path.endswith("h265") else "h264"
        caps = f"video/x-{kind},stream-format=(string)byte-stream,alignment=(string)au"
        source = f'appsrc name=source is-live=true format=time block=true max-buffers=4 caps="{caps}"'
        self.set_launch(f"( {source} ! {kind}parse ! rtp{kind}pay name=pay0 pt=96 config-interval=-1 )")
        self.set_shared(True)

    def do_configure(self, media: GstRtspServer.RTSPMedia) -> None:
        """Feed a new pipeline."""
        pictures, index = pictures_of(self.path), itertools.count()

        def feed(source: Gst.Element, _: int) -> None:
            i = next(index)
            buffer = Gst.Buffer.new_wrapped(pictures[i % len(pictures)])
            buffer.pts = i * NS // self.rate
            buffer.duration = NS // self.rate
            source.emit("push-buffer", buffer)

        media.get_element().get_by_name("source").connect("need-data", feed)


def guard(
    server: GstRtspServer.RTSPServer, factories: list[GstRtspServer.RTSPMediaFactory], user: str, tls: str
) -> None:
    """Only who knows the password (if there is one) may see the mounts; with a certificate they come encrypted."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if user:
        name, _, password = user.partition(":")
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(name, password, token)
    else:
        auth.set_default_token(token)
    if tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(tls))
    server.set_auth(auth)
    rights = GstRtspServer.RTSPPermissions()
    for right in ("media.factory.access", "media.factory.construct"):
        rights.add_permission_for_role("viewer", right, True)
    for factory in factories:
        factory.set_permissions(rights)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    parser.add_argument("--mount", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--rate", type=int, default=25)
    parser.add_argument("--user", metavar="NAME:PASSWORD", default="")
    parser.add_argument("--tls", metavar="FILE", default="")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factories = []
    for mount in options.mount:
        name, _, path = mount.partition("=")
        factories.append(Loop(path, options.rate))
        server.get_mount_points().add_factory(f"/{name}", factories[-1])
    if options.user or options.tls:
        guard(server, factories, options.user, options.tls)
    if not server.attach(None):
        sys.exit(f"port {options.port}: cannot listen")
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    print("port", server.get_bound_port(), flush=True)
    loop.run()


main()
