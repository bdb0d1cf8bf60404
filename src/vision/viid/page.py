"""The page of the platform to test against: what arrived, in words, with pictures; English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from vision.viid.arrivals import Arrival
from vision.viid.codes import label_of

WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("VIID test platform", "视图库测试平台"),
    "about": (
        "A receiving platform (GA/T 1400) to test against. Nothing leaves this machine.",
        "用于联调测试的 GA/T 1400 接收平台。数据不会离开本机。",
    ),
    "address": ("Send to", "接收地址"),
    "vehicles": ("vehicles", "车辆"),
    "repeats": ("repeated", "重复"),
    "registered": ("registered", "已注册设备"),
    "subscription": ("subscription at", "订阅下级平台"),
    "refused": ("Refused (latest last)", "被拒绝(最新在后)"),
    "none": ("none", "无"),
    "dialect": ("Speaks", "应答方言"),
    "profile": ("matching profile", "对应配置 profile"),
    "set": ("Set", "应用"),
    "fault": ("Fault of the next requests", "接下来的请求故障"),
    "pending": ("pending faults", "待触发故障"),
    "clear": ("Clear", "清空"),
    "empty": ("No vehicle has arrived yet.", "尚未收到车辆数据。"),
    "PlateNo": ("plate", "车牌号码"),
    "PlateClass": ("plate class", "号牌种类"),
    "PlateColor": ("plate color", "车牌颜色"),
    "VehicleClass": ("vehicle class", "车辆类型"),
    "VehicleColor": ("vehicle color", "车身颜色"),
    "PassTime": ("passed", "过车时间"),
    "DeviceID": ("device", "设备编码"),
    "TollgateID": ("tollgate", "卡口编码"),
    "LaneNo": ("lane", "车道"),
    "Speed": ("speed, km/h", "车速(km/h)"),
    "Direction": ("direction", "行驶方向"),
    "PlateReliability": ("plate reliability, %", "号牌可信度(%)"),
    "times": ("arrived, times", "到达次数"),
    "how": ("by", "接口"),
    "all": ("all fields", "全部字段"),
}
TABLES = {
    "PlateClass": "plate_class",
    "PlateColor": "color",
    "VehicleColor": "color",
    "VehicleClass": "vehicle_class",
    "Direction": "direction",
}
FIELDS = (
    "PassTime", "PlateNo", "PlateClass", "PlateColor", "PlateReliability", "VehicleClass", "VehicleColor", "LaneNo",
    "Speed", "Direction", "DeviceID", "TollgateID",
)  # fmt: skip
STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;
margin:0 auto;max-width:1100px;padding:20px}
header{display:flex;justify-content:space-between;align-items:baseline;gap:16px}
h1{font-size:22px;margin:0}
p{margin:6px 0}
code{background:var(--soft);padding:1px 5px;border-radius:4px}
.bar{display:flex;flex-wrap:wrap;gap:12px 28px;align-items:end;border:1px solid var(--line);border-radius:8px;
padding:12px 16px;margin:14px 0}
form{display:flex;gap:8px;align-items:end;margin:0}
label{display:grid;font-size:13px}
select,input,button{font:inherit;padding:3px 8px}
input[type=number]{width:5em}
article{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px;border:1px solid var(--line);
border-radius:8px;padding:14px 16px;margin:12px 0}
@media(max-width:760px){article{grid-template-columns:1fr}}
h2{font-size:20px;margin:0 0 6px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:0}
dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
.pictures{display:flex;flex-wrap:wrap;gap:8px;align-content:start}
figure{margin:0}
img{display:block;max-width:100%;max-height:230px;border-radius:4px}
figcaption{font-size:12px;opacity:.7}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px;max-height:300px;overflow:auto}
.id{font:12px ui-monospace,monospace;overflow-wrap:anywhere}
.bad{color:#c33}
details{grid-column:1/-1}
"""


def page(
    state: Mapping[str, Any],
    arrivals: Sequence[tuple[str, Arrival]],
    dialects: Mapping[str, Any],
    faults: Mapping[str, str],
    *,
    chinese: bool,
) -> str:
    """The whole page. Everything that came from outside is escaped."""

    def word(name: str) -> str:
        return escape(WORDS[name][chinese])

    lang, other = ("zh", "en") if chinese else ("en", "zh")
    body = "".join(article(id_, a, chinese=chinese) for id_, a in arrivals) or f"<p>{word('empty')}</p>"
    refused = "".join(f"<li>{escape(text)}</li>" for text in state["refused"][-10:])
    registered = ", ".join(escape(d) for d in state["registered"]) or word("none")
    order = f"{word('subscription')} {escape(state['subscription'])}" if state["subscription"] else ""
    hidden = f'<input type="hidden" name="lang" value="{lang}">'
    return f"""<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{word("title")}</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="20"><style>{STYLE}</style></head>
<body><header><h1>{word("title")}</h1><a href="/?lang={other}">{"English" if chinese else "中文"}</a></header>
<p>{word("about")}</p>
<p>{word("address")} <code>{escape(state["url"])}</code></p>
<div class="bar"><div><b id="n">{state["vehicles"]}</b> {word("vehicles")}, <b>{state["repeats"]}</b>
{word("repeats")}<br>
{word("registered")}: {registered}</div>
<form method="post" action="/mock/set">{hidden}<label>{word("dialect")}{options("dialect", dialects, state["dialect"])}
</label><button>{word("set")}</button></form>
<form method="post" action="/mock/set">{hidden}<label>{word("fault")}{options("fault", faults, "")}</label>
<input type="number" name="count" min="1" max="1000" value="1"><button>{word("set")}</button></form>
<form method="post" action="/mock/set">{hidden}<button name="clear" value="1">{word("clear")}</button></form></div>
<p>{word("profile")}: <code>{escape(state["profile"])}</code>; {word("pending")}: {len(state["faults"])}</p>
{f"<p>{order}</p>" if order else ""}
{f'<div class="bad"><b>{word("refused")}</b><ul>{refused}</ul></div>' if refused else ""}
<main>{body}</main></body></html>"""


def options(name: str, values: Mapping[str, Any], chosen: str) -> str:
    """A choice."""

    def one(key: str) -> str:
        about = getattr(values[key], "about", values[key])
        is_chosen = " selected" if key == chosen else ""
        return f'<option value="{escape(key)}" title="{escape(about)}"{is_chosen}>{escape(key)}</option>'

    return f'<select name="{name}">{"".join(one(key) for key in values)}</select>'


def article(id_: str, arrival: Arrival, *, chinese: bool) -> str:
    """One vehicle."""
    vehicle = arrival.vehicle
    vehicle = {"PlateColor": vehicle.get("ColorType"), **vehicle}
    rows = [
        (WORDS[name][chinese], in_words(name, vehicle[name], chinese=chinese))
        for name in FIELDS
        if vehicle.get(name) not in (None, "")
    ]
    moment = f"{datetime.fromtimestamp(arrival.at_s, UTC):%H:%M:%SZ}"
    rows.append((WORDS["times"][chinese], f"{arrival.times} ({moment})"))
    rows.append((WORDS["how"][chinese], arrival.how))
    table = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    shown = "".join(figure(id_, kind, chinese=chinese) for kind in sorted(arrival.pictures))
    fields = "\n".join(f"{k}: {v}" for k, v in arrival.vehicle.items())
    return (
        f"<article><div><h2>{escape(str(vehicle.get('PlateNo', '')))}</h2><dl>{table}</dl></div>"
        f'<div class="pictures">{shown}</div><details><summary>{escape(WORDS["all"][chinese])} '
        f'<span class="id">{escape(id_)}</span></summary><pre>{escape(fields)}</pre></details></article>'
    )


def figure(id_: str, kind: str, *, chinese: bool) -> str:
    """One picture with what it shows."""
    text = f"{kind} {label_of('image_type', kind, chinese=chinese)}"
    source = f"/mock/picture?id={quote(id_)}&type={quote(kind)}"
    return f'<figure><img src="{escape(source)}" alt="{escape(text)}"><figcaption>{escape(text)}</figcaption></figure>'


def in_words(name: str, value: object, *, chinese: bool) -> str:
    """A value with what its code means; a time with separators."""
    text = str(value)
    if name == "PassTime" and len(text) == 14:
        return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"
    label = label_of(TABLES[name], value, chinese=chinese) if name in TABLES else ""
    return f"{text} {label}" if label else text
