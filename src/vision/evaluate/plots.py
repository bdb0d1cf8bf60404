"""Plots of a summary: reliability, exact rate by group, recall by size. Needs matplotlib (extra ``eval``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vision.errors import OutputError
from vision.evaluate.report import TITLES

BLUE, GRAY = "#1f6feb", "#8b949e"
# First characters by name: fonts with Chinese characters are not installed everywhere.
FIRST = {
    "京": "Beijing", "津": "Tianjin", "冀": "Hebei", "晋": "Shanxi", "蒙": "Inner Mongolia", "辽": "Liaoning",
    "吉": "Jilin", "黑": "Heilongjiang", "沪": "Shanghai", "苏": "Jiangsu", "浙": "Zhejiang", "皖": "Anhui",
    "闽": "Fujian", "赣": "Jiangxi", "鲁": "Shandong", "豫": "Henan", "鄂": "Hubei", "湘": "Hunan",
    "粤": "Guangdong", "桂": "Guangxi", "琼": "Hainan", "渝": "Chongqing", "川": "Sichuan", "贵": "Guizhou",
    "云": "Yunnan", "藏": "Tibet", "陕": "Shaanxi", "甘": "Gansu", "青": "Qinghai", "宁": "Ningxia",
    "新": "Xinjiang", "使": "embassy", "民": "civil aviation",
}  # fmt: skip


def require_matplotlib() -> Any:
    """The class of figures.

    Raises:
        OutputError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise OutputError("--out: matplotlib is not installed: pip install 'platevision[eval]'") from err
    return Figure


def plot_all(summary: dict[str, Any], folder: Path) -> list[Path]:
    """Write every plot that the summary has figures for.

    Raises:
        OutputError: matplotlib is missing.
    """
    Figure = require_matplotlib()  # noqa: N806 - a class
    figures: dict[str, Any] = {}
    for name, title in TITLES.items():
        if name in summary:
            figures[f"{name}_reliability"] = reliability_plot(Figure(figsize=(5, 5)), summary[name], title)
            figures[f"{name}_groups"] = groups_plot(Figure(figsize=(10, 9)), summary[name], title)
    for name in ("plates", "vehicles"):
        if name in summary:
            figures[f"{name}_recall"] = recall_plot(Figure(figsize=(8, 4.5)), summary[name], name)
    written = []
    for name, figure in figures.items():
        figure.tight_layout()
        written.append(folder / f"{name}.png")
        figure.savefig(written[-1], dpi=120)
    return written


def reliability_plot(figure: Any, figures: dict[str, Any], title: str) -> Any:
    """Share right over mean score; the dots' area grows with the number of plates."""
    axes = figure.add_subplot()
    bins = figures["reliability"]
    total = max(1, sum(b["plates"] for b in bins))
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=1, linestyle="--")
    sizes = [30 + 500 * b["plates"] / total for b in bins]
    axes.scatter([b["mean_score"] for b in bins], [b["right"] for b in bins], s=sizes, color=BLUE, alpha=0.7)
    for b in bins:
        axes.annotate(str(b["plates"]), (b["mean_score"], b["right"]), xytext=(6, -10), textcoords="offset points")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.04), xlabel="mean score", ylabel="share right")
    axes.set_title(f"{title}\nexpected calibration error {figures['expected_calibration_error']:.3f}", fontsize=10)
    return figure


def groups_plot(figure: Any, figures: dict[str, Any], title: str) -> Any:
    """Exact rate per source, kind, first character and width, with the number of plates."""
    grid = figure.add_gridspec(2, 2)
    for k, (group, rows) in enumerate(figures["by"].items()):
        axes = figure.add_subplot(grid[k // 2, k % 2])
        shown = [row for row in rows if row[group] != "all"][:24]
        names = [f"{FIRST.get(row[group], row[group])} ({row['plates']})" for row in shown]
        axes.barh(range(len(shown)), [100 * row["exact"] for row in shown], color=BLUE)
        axes.set_yticks(range(len(shown)), names, fontsize=7)
        axes.invert_yaxis()
        axes.set(xlim=(0, 100), xlabel="exact, %")
        axes.set_title(group, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def recall_plot(figure: Any, sources: dict[str, Any], name: str) -> Any:
    """Recall over the size of the object, one line per source."""
    axes = figure.add_subplot()
    sizes = list(dict.fromkeys(s for figures in sources.values() for s in figures["recall_by_side_px"]))
    sizes.sort(key=lambda s: int(s.split(" ")[0]))
    for source, figures in sources.items():
        by_size = figures["recall_by_side_px"]
        points = [(k, 100 * by_size[s][0] / by_size[s][1]) for k, s in enumerate(sizes) if s in by_size]
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=f"{source} ({figures['objects']})")
    axes.set_xticks(range(len(sizes)), [f"{s} px" for s in sizes], fontsize=8)
    axes.set(ylim=(0, 103), ylabel="found, %", xlabel="longest side in the picture")
    axes.legend(fontsize=8)
    axes.set_title(f"{name}: recall at IoU .5 at the operating threshold", fontsize=10)
    return figure
