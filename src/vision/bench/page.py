"""One page of HTML with the figures and plots of a benchmark, in one file that opens and prints anywhere."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from typing import Any

from vision.errors import OutputError

STYLE = """
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; color: #1f2328; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.line { font-size: 1.1rem; background: #ddf4ff; border-left: 4px solid #1f6feb; padding: .6rem 1rem; margin: 1rem 0 }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .85rem }
td, th { padding: .25rem .5rem; border-bottom: 1px solid #d8dee4 }
th { text-align: left; background: #f6f8fa } td.n { text-align: right; font-variant-numeric: tabular-nums }
svg { max-width: 100%; height: auto } .bad { color: #cf222e } footer { color: #656d76; margin-top: 2rem }
@media print { body { margin: 0 } h2 { break-after: avoid } table, svg { break-inside: avoid } }
"""
BLUE, GRAY, RED = "#1f6feb", "#8b949e", "#cf222e"


def page(report: dict[str, Any], line: str) -> str:
    """The whole page.

    Args:
        report: what `vision bench --json` writes.
        line: the one printable line.

    Raises:
        OutputError: matplotlib is missing.
    """
    body = {"stages": stages_part, "streams": streams_part, "soak": soak_part, "kernels": kernels_part}[report["mode"]]
    title = f"platevision {report['mode']} benchmark"
    parts = [
        f"<h1>{title}</h1><p>{html.escape(report['time'])}</p><p class='line'>{html.escape(line)}</p>",
        *body(report["result"]),
    ]
    parts += ["<h2>Clip</h2>" + pairs(clip) for clip in report.get("clips", ())]
    parts.append(
        "<h2>Machine</h2>" + pairs({k: v for k, v in report["host"].items() if k not in ("versions", "models")})
    )
    parts.append("<h2>Versions and models</h2>" + pairs(report["host"]["versions"]))
    keys = ("name", "version", "precision", "sha256")
    parts.append(
        table(("model", "version", "precision", "SHA-256"), [[m[k] for k in keys] for m in report["host"]["models"]])
    )
    parts.append("<footer>Frames per second are of this machine; compare only ratios with other machines.</footer>")
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """An HTML table; numbers stand right."""
    lines = ["<tr>" + "".join(cell(v) for v in row) + "</tr>" for row in rows]
    if head:
        lines.insert(0, "<tr>" + "".join(f"<th>{html.escape(h)}</th>" for h in head) + "</tr>")
    return f"<div class=wide><table>{''.join(lines)}</table></div>"


def cell(value: Any) -> str:
    """A table cell."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"<td{' class=n' if is_number else ''}>{html.escape('-' if value is None else str(value))}</td>"


def pairs(values: dict[str, Any]) -> str:
    """A table of names and values."""
    return table((), [[k.replace("_", " "), v] for k, v in values.items()])


def require_matplotlib() -> Any:
    """The class of figures; asked for before the work, so that hours are not lost.

    Raises:
        OutputError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise OutputError("--html: matplotlib is not installed: pip install 'platevision[bench]'") from err
    return Figure


def plot(draw: Callable[[Any], None], title: str, height: float = 3.2) -> str:
    """One plot as SVG; ``draw`` gets the axes.

    Raises:
        OutputError: matplotlib is missing.
    """
    figure = require_matplotlib()(figsize=(9, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    draw(axes)
    target = io.StringIO()
    figure.savefig(target, format="svg")
    svg = target.getvalue()
    return f"<h2>{html.escape(title)}</h2>{svg[svg.index('<svg') :]}"


def stages_part(result: dict[str, Any]) -> list[str]:
    """Where a frame's time goes."""
    stages = result["stage_ms"]

    def draw(axes: Any) -> None:
        names = list(stages)[::-1]
        axes.barh(names, [stages[n]["p99"] for n in names], color=GRAY, label="p99")
        axes.barh(names, [stages[n]["p50"] for n in names], color=BLUE, label="median", height=0.5)
        axes.set_xlabel("ms a call")
        axes.legend(frameon=False)

    keys = ("calls", "share", "p50", "p90", "p99", "max")
    rows = [[name, *(stage[k] for k in keys)] for name, stage in stages.items()]
    top = {k: result[k] for k in ("fps", "decode_fps", "share_of_decode_fps")}
    return [
        plot(draw, "Stages", 0.8 + 0.35 * len(stages)),
        table(("stage", "calls", "share of time", "p50 ms", "p90 ms", "p99 ms", "max ms"), rows),
        "<h2>Rates</h2>" + pairs({**top, "frame p50 ms": result["frame_ms"]["p50"], **result["per_second"]}),
        "<h2>Load and quality</h2>" + pairs({**result["util"], **result["quality"]}),
    ]


def streams_part(result: dict[str, Any]) -> list[str]:
    """Service level over the number of cameras."""
    runs = sorted(result["runs"], key=lambda r: r["streams"])
    n = [r["streams"] for r in runs]

    def latency(axes: Any) -> None:
        for p, color in (("p50", BLUE), ("p99", RED)):
            axes.plot(n, [r["e2e_ms"][p] if r["e2e_ms"] else None for r in runs], marker="o", color=color, label=p)
        axes.axhline(result["limits"]["p99_ms"], color=GRAY, ls="--", lw=1)
        axes.set(xlabel="cameras", ylabel="capture to result, ms", ylim=(0, None), xticks=n)
        axes.legend(frameon=False)

    def drops(axes: Any) -> None:
        axes.bar(
            [str(k) for k in n],
            [100 * r["drop_share"] for r in runs],
            color=[RED if r["failed"] else BLUE for r in runs],
            width=0.5,
        )
        axes.axhline(100 * result["limits"]["drop_share"], color=GRAY, ls="--", lw=1)
        axes.set(xlabel="cameras", ylabel="frames dropped, %", ylim=(0, None))

    counted = ("streams", "scheduled_fps", "fps", "dropped_queue", "dropped_late", "detected", "postponed")
    rows = [
        [
            *(r[key] for key in counted),
            *((r["e2e_ms"]["p50"], r["e2e_ms"]["p99"]) if r["e2e_ms"] else (None, None)), r["util"]["cpu_cores"],
            r["util"]["rss_peak_mb"], quality_text(r), "no" if r["failed"] else "yes",
        ]
        for r in runs
    ]  # fmt: skip
    head = ("cameras", "scheduled fps", "fps", "dropped (queue)", "dropped (late)",
            "detected", "postponed", "p50 ms",
            "p99 ms", "CPU cores", "RSS MB", "plates read", "held")  # fmt: skip
    reasons = [f"<li>{r['streams']} cameras: {html.escape('; '.join(r['failed']))}</li>" for r in runs if r["failed"]]
    alone = f"Decoding alone could carry {result['decode_capacity']} such cameras on this machine."
    return [
        f"<p>{alone}</p>",
        plot(latency, "Latency"),
        plot(drops, "Dropped frames"),
        "<h2>Runs</h2>" + table(head, rows),
        *stage_table(runs[-1]),
        f"<h2>Why it did not hold</h2><ul class=bad>{''.join(reasons)}</ul>" if reasons else "",
    ]


def stage_table(run: dict[str, Any]) -> list[str]:
    """Waiting and the stages of one run."""
    stages = {"waiting for a worker": run["queue_ms"], **run["stage_ms"]}
    columns = ("p50", "p90", "p99", "max")
    rows = [[name, *(taken[c] for c in columns)] for name, taken in stages.items() if taken]
    head = ("stage", *(f"{c} ms" for c in columns))
    return [f"<h2>Stages with {run['streams']} cameras</h2>" + table(head, rows)]


def quality_text(run: dict[str, Any]) -> str:
    """Plates read of those expected, with what an offline run reads."""
    q, o = run["quality"], run["offline"]
    return f"{q['right']}/{q['plates']} (offline {o['right']})" if q else "-"


def soak_part(result: dict[str, Any]) -> list[str]:
    """Memory over time."""
    memory = result["memory"]

    def draw(axes: Any) -> None:
        axes.plot([s / 60 for s in memory["seconds"]], memory["rss_mb"], color=BLUE)
        axes.set(xlabel="minutes", ylabel="memory (RSS), MB", ylim=(0, None))

    shown = {k: v for k, v in result.items() if not isinstance(v, (dict, list))}
    run = pairs({**shown, **(result["e2e_ms"] or {}), **result["util"]})
    return [plot(draw, "Memory"), "<h2>Run</h2>" + run, *stage_table(result)]


def kernels_part(result: dict[str, Any]) -> list[str]:
    """Kernels beside OpenCV."""
    rows = result["kernels"]
    beside = [r for r in rows if r["opencv_ratio"]]

    def draw(axes: Any) -> None:
        axes.barh([r["kernel"] for r in beside][::-1], [r["opencv_ratio"] for r in beside][::-1], color=BLUE)
        axes.axvline(1, color=GRAY, lw=1)
        axes.set(xlabel=f"times OpenCV takes ({result['level']})", xscale="log")

    ways = list(dict.fromkeys(way for r in rows for way in r["us"]))
    cells = [[r["kernel"], *(r["us"].get(w) for w in ways), r["opencv_ratio"]] for r in rows]
    return [
        plot(draw, "Native kernels beside OpenCV", 0.8 + 0.3 * len(beside)),
        table(("kernel", *(f"{w}, µs" for w in ways), "OpenCV / kernel"), cells),
        pairs({"memory copy, GB/s read and written": result["copy_gb_per_s"]}),
    ]
