"""Events as JSON with their pictures, in a folder of your own: python examples/save_evidence.py street.mp4 found/"""

import json
import sys
from pathlib import Path

import vision
from vision.report.evidence import save_pictures
from vision.sinks.event import event_of


def main(video: str, folder: str) -> None:
    pictures = Path(folder) / "images"
    pictures.mkdir(parents=True)
    for sighting in vision.stream(video):
        images: dict[str, str] = {}
        if sighting.evidence is not None:  # the very frame that was read, and where to cut it
            images = save_pictures(sighting.evidence, pictures, sighting.id)
            images.pop("scene")  # this site keeps no whole pictures
            (pictures / f"{sighting.id}_scene.jpg").unlink()
        print(json.dumps(event_of(sighting, images=images), ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:3])
