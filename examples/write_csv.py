"""Your own table of sightings: python examples/write_csv.py street.mp4 passes.csv

`vision run` writes events.csv anyway; this is for when you want other columns.
"""

import csv
import sys

import vision


def main(video: str, table: str) -> None:
    with open(table, "w", newline="", encoding="utf-8-sig") as file:  # the mark makes Excel show Chinese
        writer = csv.writer(file)
        writer.writerow(["seconds", "plate", "score", "second_best", "vehicle", "color", "reason"])
        for sighting in vision.stream(video):
            plate, vehicle = sighting.plate, sighting.vehicle
            writer.writerow(
                [
                    f"{sighting.first_s:.2f}",
                    plate.text if plate else "",
                    f"{plate.score:.3f}" if plate else "",
                    plate.candidates[1][0] if plate and len(plate.candidates) > 1 else "",
                    vehicle.type if vehicle else "",
                    vehicle.color if vehicle else "",
                    sighting.reason,
                ]
            )
    print(f"written: {table}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
