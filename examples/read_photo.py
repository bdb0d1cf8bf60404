"""Plates and vehicles of one picture: python examples/read_photo.py car.jpg"""

import sys

import vision


def main(path: str) -> None:
    photo = vision.read(path)
    for read in photo.plates:
        plate = read.plate
        x1, y1, x2, y2 = (round(v) for v in read.box)
        print(f"{plate.text}  {plate.color} {plate.kind}  score {plate.score:.2f}  at {x1},{y1}..{x2},{y2}")
        print("  characters:", " ".join(f"{c.text}={c.score:.2f}" for c in plate.chars))
    for vehicle in photo.vehicles:
        print(f"{vehicle.type} ({vehicle.type_score:.2f}), {vehicle.color} ({vehicle.color_score:.2f})")
    print(f"{len(photo.plates)} plates, {photo.rejected} reads rejected, {photo.ms['total']:.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1])
