"""Other settings: python examples/custom_config.py street.mp4

Settings come from a TOML file (`Pipeline("site.toml")`) or from Python, as here. All of them: docs/reference/config.md.
"""

import sys

from vision import Config, ConfigError, Pipeline
from vision.pipeline.config import parse_config


def main(path: str) -> None:
    try:
        parse_config({"plates": {"min_char_scor": 0.9}})
    except ConfigError as err:
        print("a typing error is named:", err)

    config = Config.model_validate(
        {
            "plates": {"max_unreadable": 0, "min_char_score": 0.8},  # stricter: no "?" in any plate
            "detect": {"plate_interval_s": 0.2},  # cheaper: look for plates five times a second
        }
    )
    pipeline = Pipeline(config)
    for sighting in pipeline.stream(path, start_s=0.5, duration_s=2.0, fps=12.5):
        print(sighting.plate.text if sighting.plate else sighting.reason)
    for name, row in pipeline.times.table().items():
        print(f"{name:16} {row['s']:7.3f} s {row['share']:6.1%}")


if __name__ == "__main__":
    main(sys.argv[1])
