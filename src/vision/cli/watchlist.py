"""``vision watchlist``: checks the file of a watch-list, and makes one of hashes."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from vision.cli import OK, USAGE
from vision.cli.say import error, note
from vision.cli.say import out as say_out
from vision.errors import ConfigError
from vision.infer.manifest import read_manifest
from vision.infer.store import find_model
from vision.match.entries import PAD_COLUMNS, ListFile
from vision.match.plates import hashed
from vision.match.watchlist import Words, load_file
from vision.plates.grammar import load_grammar
from vision.sinks.lines import LineFile

SHORTEST_KEY = 16  # characters
