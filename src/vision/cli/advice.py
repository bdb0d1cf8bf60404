"""What a camera check says: findings and what to do about them, in English and Chinese."""

from __future__ import annotations

from vision.cli.language import is_chinese
from vision.pipeline.check import CameraCheck, Finding

Both = tuple[str, str]  # English, Chinese

VERDICTS: dict[str, Both] = {
    "good": ("good", "良好"),
    "marginal": ("marginal", "勉强"),
    "bad": ("bad", "不合格"),
    "unknown": ("unknown", "无法判断"),
}
OVERALL: dict[str, Both] = {
    "good": ("this camera can read plates", "此摄像机可以识别车牌"),
    "marginal": ("this camera reads some of the plates", "此摄像机只能识别部分车牌"),
    "bad": ("this camera cannot read plates as it is", "此摄像机目前不能识别车牌"),
    "unknown": (
        "no vehicle passed: nothing can be said about plates; choose a part with traffic",
        "没有车辆经过,无法判断车牌识别;请选择有车辆的时段",
    ),
}
FEW: Both = ("only {n} passed: judge by more traffic", "仅 {n} 辆经过,请用更多车流判断")

OTHERWISE_FINE: Both = (
    "nothing that was measured explains it: look at the pictures of vision run; are these plates of another country?",
    "测量指标均不能解释原因:请查看 vision run 的图片;是否为其他国家的车牌?",
)
SOURCES: dict[str, Both] = {"our choice": ("our choice", "经验值")}
UNKNOWN: Both = ("cannot be judged without larger plates", "没有足够大的车牌,无法判断")

# Name of a finding -> what it is and its unit, and the figure's form.
NAMES: dict[str, tuple[Both, str]] = {
    "read": (("passes read", "已识别的过车"), "{:.0%}"),
    "plate_seen": (("passes with a plate seen", "看到车牌的过车"), "{:.0%}"),
    "size": (("size: pixels per plate character", "大小:每个车牌字符的像素"), "{:.1f}"),
    "size_guessed": (
        ("size: pixels per plate character, guessed from the vehicles", "大小:每个车牌字符的像素(按车宽估算)"),
        "{:.1f}",
    ),
    "focus": (("sharpness of the plates", "车牌清晰度"), "{:.3f}"),
    "sideways": (("blur by sideways movement (share of upright strokes)", "横向运动模糊(竖笔画占比)"), "{:.2f}"),
    "downward": (("blur by movement up or down (share of upright strokes)", "纵向运动模糊(竖笔画占比)"), "{:.2f}"),
    "roll": (("tilt of the plates in the picture, degrees", "车牌在画面中的倾斜(度)"), "{:.0f}"),
    "side": (("view from the side, degrees", "侧面视角(度)"), "{:.0f}"),
    "above": (("view from above, degrees", "俯视角(度)"), "{:.0f}"),
    "dark": (("brightness of the plates, 0..255", "车牌亮度 0..255"), "{:.0f}"),
    "glare": (("overexposed share of the plates", "车牌过曝占比"), "{:.0%}"),
    "contrast": (("contrast of the plates, gray levels", "车牌对比度(灰度级)"), "{:.0f}"),
    "picture_dark": (("brightness of the picture, 0..255", "画面亮度 0..255"), "{:.0f}"),
    "picture_glare": (("overexposed share of the picture", "画面过曝占比"), "{:.0%}"),
    "frame_rate": (("frames a second", "每秒帧数"), "{:.1f}"),
    "bits": (("compression: bits per pixel", "压缩:每像素比特数"), "{:.3f}"),
}
ADVICE: dict[str, Both] = {
    "plate_seen": (
        "plates are hidden, turned away or too small: aim at fronts or rears, lower the camera's angle, zoom in",
        "车牌被遮挡、背向或太小:对准车头或车尾,减小角度,放大画面",
    ),
    "size": (
        "zoom in or come nearer; use the main stream, not the sub-stream, at full resolution",
        "放大画面或靠近;使用全分辨率主码流,不要用子码流",
    ),
    "focus": (
        "out of focus, dirty or compressed away: focus on the place where plates are read, clean the glass",
        "对焦不准、镜头脏污或压缩过度:对焦到识别位置,清洁镜头",
    ),
    "sideways": (
        "vehicles move while a frame is exposed: shorter shutter time (1/500 s or less) and more light",
        "曝光期间车辆移动:缩短快门时间(1/500 秒或更短)并增加照明",
    ),
    "roll": ("turn the camera so that plates lie level", "旋转摄像机,使车牌水平"),
    "side": ("mount the camera nearer to the line of travel", "摄像机应更靠近行车方向"),
    "above": ("mount the camera lower or farther away", "降低摄像机或拉远距离"),
    "dark": (
        "add light (white or infrared) on the plates; raise exposure, not the shutter time",
        "增加车牌补光(白光或红外)",
    ),
    "glare": (
        "lower the exposure, turn on WDR or headlight compensation, avoid the sun in view",
        "降低曝光,开启宽动态或强光抑制,避免逆光",
    ),
    "contrast": (
        "fog, dirt or stray light: clean the glass, shade the lens, add light",
        "雾、脏污或杂散光:清洁镜头,加遮光罩,补光",
    ),
    "picture_dark": (
        "night: light is needed for plates and for vehicles to be found",
        "夜间:需要补光才能发现车辆和车牌",
    ),
    "frame_rate": ("set at least 10, better 25 frames a second", "设置至少每秒 10 帧,最好 25 帧"),
    "bits": ("raise the bit rate or the quality; use the main stream", "提高码率或画质;使用主码流"),
}
ADVICE["picture_glare"] = ADVICE["glare"]
ADVICE["size_guessed"], ADVICE["downward"] = ADVICE["size"], ADVICE["sideways"]

# Reason of an unread pass -> what it means and what to do.
REASONS: dict[str, Both] = {
    "no_plate_seen": (
        "no plate seen (hidden, turned away or none): aim at fronts or rears",
        "未看到车牌(遮挡、背向或无牌):对准车头或车尾",
    ),
    "cut_off": ("never whole in the picture: widen the view", "车辆始终未完整入画:扩大视野"),
    "too_small": ("plate too small: zoom in, use the main stream", "车牌太小:放大画面,使用主码流"),
    "dark": ("too dark: add light", "太暗:增加补光"),
    "glare": (
        "glare, fog or overexposed: lower the exposure, WDR",
        "眩光、雾或过曝:降低曝光,开启宽动态",
    ),
    "tilted": (
        "seen too much from the side or tilted: move or turn the camera",
        "角度过大或倾斜:调整摄像机位置或角度",
    ),
    "blurred": (
        "blurred: shorter shutter time, more light, focus",
        "模糊:缩短快门,增加照明,重新对焦",
    ),
    "format": (
        "clear text that is no plate of the grammar (foreign, other kind)",
        "字符清晰但不符合车牌格式(外国或其他类型)",
    ),
    "low_score": ("seen, but not surely enough to be believed", "看到但把握不足"),
}


def say(both: Both) -> str:
    """The words in the user's language."""
    return both[is_chinese()]


def heading(found: CameraCheck) -> str:
    """The first lines: the overall verdict and what it stands on."""
    lines = [f"{found.stream_id}: {say(OVERALL[found.verdict])}"]
    counts: Both = (
        f"  {found.width} x {found.height}, {found.seconds:g} s; vehicles that passed: {found.passes}, plate seen: "
        f"{found.plates_seen}, read: {found.read}; stood there unread and do not count: {found.standing}",
        f"  {found.width} x {found.height},{found.seconds:g} 秒:过车 {found.passes} 辆,看到车牌 {found.plates_seen},"
        f"识别 {found.read};另有 {found.standing} 辆静止未识别,不计入",
    )
    lines.append(say(counts))
    if 0 < found.passes < 3:
        lines.append("  " + say(FEW).format(n=found.passes))
    others = [f.verdict for f in found.findings if f.name != "read"]
    as_bad = {"bad": {"bad"}, "marginal": {"bad", "marginal"}}.get(found.verdict)
    if as_bad is not None and found.plates_seen > found.read and as_bad.isdisjoint(others):
        lines.append("  " + say(OTHERWISE_FINE))
    lines += [f"  {n} x {say(REASONS[reason])}" for reason, n in found.unread.items()]
    return "\n".join(lines)


def sentence(finding: Finding) -> str:
    """One finding: verdict, what, figure, thresholds and their source."""
    what, form = NAMES[finding.name]
    value = "-" if finding.value is None else form.format(finding.value)
    good, bad = form.format(finding.good), form.format(finding.bad)
    first = "<=" if finding.good < finding.bad else ">="
    second = ">" if finding.good < finding.bad else "<"
    source = say(SOURCES.get(finding.source, (finding.source, finding.source)))
    limits: Both = (
        f"good {first} {good}, bad {second} {bad}: {source}",
        f"良好 {first} {good},不合格 {second} {bad}:{source}",
    )
    return f"  [{say(VERDICTS[finding.verdict])}] {say(what)} {value} ({say(limits)})"


def unknown(found: CameraCheck) -> str:
    """One line that names what could not be judged; empty if there is nothing."""
    names = [say(NAMES[f.name][0]) for f in found.findings if f.verdict == "unknown"]
    return f"  [{say(VERDICTS['unknown'])}] {say(UNKNOWN)}: {'; '.join(names)}" if names else ""


def advice_of(finding: Finding) -> str:
    """What to change, empty where nothing needs to be."""
    is_wanting = finding.verdict in ("bad", "marginal")
    return say(ADVICE[finding.name]) if is_wanting and finding.name in ADVICE else ""
