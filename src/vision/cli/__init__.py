"""The command line. `main` turns every expected error into one line and an exit code."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from vision.errors import ConfigError, InferenceError, ModelError, OutputError, SourceError, VisionError

OK, USAGE, SOURCE_FAILED, MODEL_FAILED, OUTPUT_FAILED, INTERRUPTED = 0, 2, 3, 4, 5, 130


def exit_code_of(err: VisionError) -> int:
    """The exit code for an error: 2 usage, 3 source, 4 model or device, 5 output."""
    if isinstance(err, ConfigError):
        return USAGE
    if isinstance(err, SourceError):
        return SOURCE_FAILED
    if isinstance(err, (ModelError, InferenceError)):
        return MODEL_FAILED
    if isinstance(err, OutputError):
        return OUTPUT_FAILED
    return 1


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit."""
    from vision.cli.app import app
    from vision.cli.say import error

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(args=args, standalone_mode=True)
    except VisionError as err:
        error(str(err))
        sys.exit(exit_code_of(err))
    except KeyboardInterrupt:
        error("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away (vision ... | head): nothing left to say
        sys.exit(OK)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
