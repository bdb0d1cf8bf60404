"""One line per vehicle that passed the camera: python examples/sightings.py street.mp4"""

import sys

import vision


def main(path: str) -> None:
    # A sighting comes when its vehicle has passed, not when its plate is first read: nothing is reported twice.
    for sighting in vision.stream(path):
        # Exactly one of the two says something: the plate, or the reason why there is none.
        what = sighting.plate.text if sighting.plate else f"unread: {sighting.reason}"
        vehicle = f"{sighting.vehicle.color} {sighting.vehicle.type}" if sighting.vehicle else "vehicle not seen"
        print(f"{sighting.first_s:6.2f}..{sighting.last_s:6.2f} s  {what}  ({vehicle}, {sighting.direction.word})")


if __name__ == "__main__":
    main(sys.argv[1])
