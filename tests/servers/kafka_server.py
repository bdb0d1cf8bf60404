"""A Kafka broker: the mock cluster inside the librdkafka that confluent-kafka brings, steered by lines on stdin."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import confluent_kafka

PRODUCE = 0  # the request's key in the protocol


def library() -> ctypes.CDLL:
    """The very library that confluent_kafka has loaded."""
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    found = sorted(folder.glob("librdkafka-*.so*"))
    lib = ctypes.CDLL(str(found[0]) if found else "librdkafka.so.1")
    lib.rd_kafka_conf_new.restype = ctypes.c_void_p
    lib.rd_kafka_new.restype = ctypes.c_void_p
    lib.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    lib.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    lib.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    lib.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    lib.rd_kafka_mock_broker_set_down.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    lib.rd_kafka_mock_broker_set_up.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    lib.rd_kafka_mock_push_request_errors_array.argtypes = [
        ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.c_void_p,
    ]  # fmt: skip
    return lib


def main() -> None:
    """Print the address, then obey until stdin ends."""
    lib = library()
    text = ctypes.create_string_buffer(512)
    handle = lib.rd_kafka_new(0, lib.rd_kafka_conf_new(), text, len(text))
    assert handle, text.value
    cluster = lib.rd_kafka_mock_cluster_new(handle, 1)
    print(lib.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        if command == "down":
            lib.rd_kafka_mock_broker_set_down(cluster, 1)
        elif command == "up":
            lib.rd_kafka_mock_broker_set_up(cluster, 1)
        elif command == "fail":
            codes = (ctypes.c_int * len(words))(*map(int, words))
            lib.rd_kafka_mock_push_request_errors_array(cluster, PRODUCE, len(words), codes)
        print("done", flush=True)


if __name__ == "__main__":
    main()
