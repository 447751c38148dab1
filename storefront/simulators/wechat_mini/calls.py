"""What a mini-program's server asks of WeChat: phone numbers, codes as pictures, links, subscribe messages."""

import io
import re
from datetime import timedelta
from typing import Any

import segno

from storefront.simulators.limits import UNLIMITED_CODES
from storefront.simulators.state import Simulation
from storefront.simulators.wechat_mini.parcels import MiniRefusal
from storefront.simulators.wechat_mini.records import Message, PhoneCode

CODE_LIVES = timedelta(minutes=5)
BAD_CODE, BAD_FORM, NO_PAGE, BAD_SCENE = 40029, 47001, 41030, 40169
BAD_OPENID, BAD_TEMPLATE, NOT_ACCEPTED, BAD_VALUE = 40003, 40037, 43101, 47003
BAD_QUERY, BAD_EXPIRY, BAD_VERSION, TOO_MANY = 40212, 85401, 40097, 45009
LONGEST_SCENE, LONGEST_QUERY, LONGEST_THING, MOST_DAYS = 32, 1024, 20, 30
NARROWEST, WIDEST, USUAL_WIDTH = 280, 1280, 430
VERSIONS = ("release", "trial", "develop")
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+")


def make_phone_code(simulation: Simulation, appid: str, *, phone: str) -> str:
    """What the phone button gives the front end."""
    code = simulation.draw("phone")[:32]
    simulation.state.phone_codes[code] = PhoneCode(appid, phone, simulation.clock.now() + CODE_LIVES)
    return code


def phone_number(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> dict[str, object]:
    """Use a phone button's code up; a log-in code is not one."""
    code = simulation.state.phone_codes.get(str(body.get("code", "")))
    if code is None or code.appid != appid:
        raise MiniRefusal(BAD_CODE, "invalid code")
    del simulation.state.phone_codes[body["code"]]
    if code.expires_at <= simulation.clock.now():
        raise MiniRefusal(BAD_CODE, "invalid code")
    country, _, pure = code.phone.rpartition(" ")
    country = country.lstrip("+") or "86"
    return {
        "phone_info": {
            "phoneNumber": pure if country == "86" else f"+{country}{pure}",
            "purePhoneNumber": pure,
            "countryCode": country,
            "watermark": {"timestamp": int(simulation.clock.now().timestamp()), "appid": appid},
        }
    }


def unlimited_code(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> bytes:
    """Draw the code: here a QR code that says page and scene, as a PNG at least as wide as was asked."""
    if simulation.calls_too_often((UNLIMITED_CODES, appid)):
        raise MiniRefusal(TOO_MANY, "reach max api minute frequency limit")
    scene, page = body.get("scene"), body.get("page", "")
    if not isinstance(scene, str) or not isinstance(page, str):
        raise MiniRefusal(BAD_FORM, "data format error")
    if not _SCENE.fullmatch(scene) or len(scene) > LONGEST_SCENE:
        raise MiniRefusal(BAD_SCENE, "invalid length for scene, or the data is not json string")
    width, version = body.get("width", USUAL_WIDTH), body.get("env_version", "release")
    if not isinstance(width, int) or not NARROWEST <= width <= WIDEST or version not in VERSIONS:
        raise MiniRefusal(BAD_VERSION, "invalid args")
    known = simulation.state.apps[appid].pages
    missing = body.get("check_path", True) and bool(known) and page not in {"", *known}
    if page.startswith("/") or "?" in page or missing:
        raise MiniRefusal(NO_PAGE, "invalid page")
    drawn = segno.make(f"simulator:{appid}/{page}?scene={scene}", error="m", micro=False)
    picture = io.BytesIO()
    drawn.save(picture, kind="png", scale=-(-width // drawn.symbol_size()[0]))
    return picture.getvalue()


def url_link(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> dict[str, object]:
    """Make a link that opens the mini-program."""
    path, query = body.get("path", ""), body.get("query", "")
    if not isinstance(path, str) or not isinstance(query, str):
        raise MiniRefusal(BAD_FORM, "data format error")
    if len(query) > LONGEST_QUERY:
        raise MiniRefusal(BAD_QUERY, "invalid query")
    known = simulation.state.apps[appid].pages
    if known and path.lstrip("/") not in {"", *known}:
        raise MiniRefusal(NO_PAGE, "invalid page")
    now = simulation.clock.now()
    if body.get("expire_type", 0) == 1:
        days = body.get("expire_interval", 0)
        in_range = isinstance(days, int) and 1 <= days <= MOST_DAYS
    else:
        ends = body.get("expire_time", int((now + timedelta(days=MOST_DAYS)).timestamp()))
        in_range = (
            isinstance(ends, int) and now.timestamp() < ends <= (now + timedelta(days=MOST_DAYS)).timestamp()
        )
    if not in_range:
        raise MiniRefusal(BAD_EXPIRY, "expire time out of range")
    return {"url_link": f"https://wxaurl.example/{simulation.draw('link')[:11]}"}


def send_message(simulation: Simulation, appid: str, *, body: dict[str, Any]) -> dict[str, object]:
    """Send a subscribe message, using up one acceptance of its shopper."""
    openid, template, values = body.get("touser"), body.get("template_id"), body.get("data")
    if not isinstance(openid, str) or not openid:
        raise MiniRefusal(BAD_OPENID, "invalid openid")
    if not isinstance(template, str) or not template:
        raise MiniRefusal(BAD_TEMPLATE, "invalid template_id")
    if not isinstance(values, dict) or not values:
        raise MiniRefusal(BAD_VALUE, "argument invalid!")
    said = {name: _value(name, value) for name, value in values.items()}
    consent = simulation.state.consents.get(f"{appid}/{openid}/{template}")
    if consent is None or consent.left < 1:
        raise MiniRefusal(NOT_ACCEPTED, "user refuse to accept the msg")
    consent.left -= 1
    simulation.state.messages.append(
        Message(
            appid=appid,
            openid=openid,
            template_id=template,
            page=body.get("page"),
            values=said,
            at=simulation.clock.now(),
        )
    )
    return {}


def _value(name: str, value: object) -> str:
    text = value.get("value") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text or (name.startswith("thing") and len(text) > LONGEST_THING):
        raise MiniRefusal(BAD_VALUE, f"argument invalid! data.{name}.value invalid")
    return text
