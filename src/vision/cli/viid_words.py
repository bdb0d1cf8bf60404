"""What a check of a platform says: findings in English and Chinese."""

from __future__ import annotations

from vision.cli.language import is_chinese
from vision.viid.check import Finding

Both = tuple[str, str]  # English, Chinese

MARKS: dict[str, Both] = {"ok": ("ok", "正常"), "note": ("note", "注意"), "off": ("off", "异常")}
SENTENCES: dict[str, Both] = {
    "unreachable": ("nothing answers there: {why}", "无法连接:{why}"),
    "broke_off": ("an answer did not come: {why}", "未收到应答:{why}"),
    "open": ("it registers anybody, without a password", "平台不验证密码即可注册"),
    "no_challenge": (
        "Register without a password: expected HTTP 401 with a digest challenge, got HTTP {http}, {header}",
        "未带认证的注册请求应返回 401 和 Digest 质询,实际返回 HTTP {http},{header}",
    ),
    "digest": ("digest challenge: {header}", "Digest 质询:{header}"),
    "digest_old": ("digest challenge without qop, as in RFC 2069: {header}", "Digest 质询没有 qop(RFC 2069):{header}"),
    "registered": ("registered as {device}", "已注册,设备编码 {device}"),
    "unknown_device": (
        "the platform does not know this device: have its id entered there ({detail})",
        "平台没有此设备:请在平台上登记设备编码({detail})",
    ),
    "wrong_password": (
        "user or password is wrong, or the device is not known there ({detail})",
        "用户名或密码错误,或平台没有此设备({detail})",
    ),
    "not_registered": ("registration refused: {detail}", "注册被拒绝:{detail}"),
    "root": ("answers have the root ResponseStatus: understood", "应答根节点为 ResponseStatus:可以识别"),
    "lower_case": ("answers have keys in small letters: understood", "应答字段名为小写:可以识别"),
    "string_codes": ("StatusCode comes as text: understood", "StatusCode 为字符串:可以识别"),
    "content_type": ("answers say Content-Type {type}: understood", "应答 Content-Type 为 {type}:可以识别"),
    "no_time": (
        "it does not say its time: offsets cannot be measured; have both clocks follow NTP",
        "平台不提供校时:无法测量时差,请双方使用 NTP",
    ),
    "time": (
        "its clock is {seconds:+.1f} s ahead of ours (within {error:.1f} s), written as {form}",
        "平台时钟比本机快 {seconds:+.1f} 秒(误差 {error:.1f} 秒),格式 {form}",
    ),
    "keepalive": ("keep-alive taken", "保活成功"),
    "keepalive_refused": ("keep-alive refused: {detail}", "保活被拒绝:{detail}"),
    "vehicle_not_tried": (
        "vehicles were not tried: --send-vehicle sends a made-up one, which stays at the platform",
        "未测试车辆上传:--send-vehicle 会上传一条虚构车辆,且会保留在平台",
    ),
    "vehicle": ("a made-up vehicle was taken", "虚构车辆上传成功"),
    "vehicle_refused": (
        "a vehicle was refused: {detail}; try another --profile",
        "车辆上传被拒绝:{detail};请尝试其他 --profile",
    ),
    "single": ("vehicles are answered by a single object: understood", "车辆上传的应答为单个对象:可以识别"),
    "no_ids": (
        "answers do not name the vehicle: of several in one request it can say only one thing",
        "应答不含车辆 ID:一次上传多辆时只能得到整体结果",
    ),
    "repeat": (
        "the same vehicle again was taken: look there that it is listed once",
        "重复上传被接受:请在平台确认只有一条记录",
    ),
    "repeat_refused": (
        "the same vehicle again was refused ({detail}): an event whose answer was lost becomes a dead letter, though "
        "the platform has it",
        "重复上传被拒绝({detail}):应答丢失的事件会进入死信,但平台已有记录",
    ),
    "unregister": ("unregistered", "已注销"),
    "unregister_refused": ("unregister refused: {detail}", "注销被拒绝:{detail}"),
    "stranger": ("a device that is not registered is told so: {detail}", "未注册设备会收到提示:{detail}"),
    "keepalive_of_stranger": (
        "a device that has unregistered is still taken: a lost registration cannot be noticed",
        "注销后保活仍成功:无法发现注册丢失",
    ),
}
VERDICTS: dict[bool, Both] = {
    True: ("this platform can be used", "此平台可以对接"),
    False: ("this platform cannot be used like this", "此平台目前无法对接"),
}


def sentence(finding: Finding) -> str:
    """One finding in the user's language."""
    chinese = is_chinese()
    return f"[{MARKS[finding.mark][chinese]}] {SENTENCES[finding.name][chinese].format(**finding.values)}"


def verdict(is_good: bool) -> str:
    """The last line."""
    return VERDICTS[is_good][is_chinese()]
