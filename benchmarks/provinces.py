"""Is the province read right?  Photos in folders named by their plates' province.

    python benchmarks/provinces.py FOLDER

FOLDER holds one folder per province, its name in pinyin (`hebei`, `shaanxi`) or the character itself (`冀`); pictures
may lie deeper. Text labels are not needed: the first character of the plate that `Pipeline.read` puts first is compared
with the folder. Printed are counts per province, never a plate.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script, too

from benchmarks._common import config_of, fail, one_line, table

from vision.errors import VisionError
from vision.pipeline.runner import Pipeline

PROVINCES = {
    "anhui": "皖",
    "beijing": "京",
    "chongqing": "渝",
    "fujian": "闽",
    "gansu": "甘",
    "guangdong": "粤",
    "guangxi": "桂",
    "guizhou": "贵",
    "hainan": "琼",
    "hebei": "冀",
    "heilongjiang": "黑",
    "henan": "豫",
    "hubei": "鄂",
    "hunan": "湘",
    "jiangsu": "苏",
    "jiangxi": "赣",
    "jilin": "吉",
    "liaoning": "辽",
    "neimeng": "蒙",
    "ningxia": "宁",
    "qinghai": "青",
    "shaanxi": "陕",
    "shandong": "鲁",
    "shanghai": "沪",
    "shanxi": "晋",
    "sichuan": "川",
    "tianjin": "津",
    "xinjiang": "新",
    "xizang": "藏",
    "yunnan": "云",
    "zhejiang": "浙",
}
PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
SURE = 0.9  # a wrong province with a probability over this is worse than none


def province_of(folder: str) -> str | None:
    """The province's character of a folder's name (also `heiblue`, `neimenggu`); None if it names none."""
    if folder in PROVINCES.values():
        return folder
    start = folder.removesuffix("blue")
    names = [name for name in PROVINCES if len(start) > 2 and (start.startswith(name) or name.startswith(start))]
    return PROVINCES[names[0]] if len(names) == 1 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if not options.folder.is_dir():
        fail(f"{options.folder}: expected a folder with a folder per province")
    counts: dict[str, Counter[str]] = {}
    try:
        pipeline = Pipeline(config_of(1))
        for folder in sorted(p for p in options.folder.iterdir() if p.is_dir()):
            province = province_of(folder.name)
            if province is None:
                fail(f"{folder}: expected the name of a province, such as hebei")
            count = counts.setdefault(province, Counter())
            for file in sorted(f for f in folder.rglob("*") if f.suffix.lower() in PICTURES):
                plates = pipeline.read(file).plates
                count["photos"] += 1
                if not plates:
                    continue
                first = plates[0].plate.chars[0]
                count["read"] += 1
                count["right"] += first.text == province
                count["sure and wrong"] += first.text not in (province, "?") and first.score > SURE
    except VisionError as err:
        one_line(err)
    columns = ["photos", "read", "right", "sure and wrong"]
    rows = [[name, *(count[c] for c in columns)] for name, count in counts.items()]
    total = sum(counts.values(), Counter[str]())
    print(table(["province", *columns], [*rows, ["all", *(total[c] for c in columns)]]))
    print(f"\nfirst character right: {100 * total['right'] / max(1, total['read']):.1f} % of the plates read")


if __name__ == "__main__":
    main()
