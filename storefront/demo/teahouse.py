"""样板茶铺 (Specimen Teahouse): a fictional tea and snack chain with four stores."""

from storefront.demo.shapes import DemoBrand, DemoProduct, DemoStore
from tenants.states import Ownership

CUP = {"杯型": ("中杯", "大杯"), "温度": ("冰", "热"), "甜度": ("标准", "少糖")}
BIGGER = {"大杯": 3, "250 克": 60, "十枚装": 40}


def _drink(code: str, title: str, subtitle: str, price: int, *tags: str) -> DemoProduct:
    return DemoProduct(
        code=code,
        title=title,
        subtitle=subtitle,
        category="drinks",
        price=price,
        options=CUP,
        extra=BIGGER,
        tags=tags,
    )


def _leaf(code: str, title: str, subtitle: str, price: int, *tags: str) -> DemoProduct:
    options = {"规格": ("100 克", "250 克")}
    return DemoProduct(
        code=code,
        title=title,
        subtitle=subtitle,
        category="leaf",
        price=price,
        options=options,
        extra=BIGGER,
        tags=tags,
    )


def _snack(code: str, title: str, subtitle: str, price: int, *tags: str) -> DemoProduct:
    options = {"规格": ("四枚装", "十枚装")}
    return DemoProduct(
        code=code,
        title=title,
        subtitle=subtitle,
        category="snacks",
        price=price,
        options=options,
        extra=BIGGER,
        tags=tags,
    )


PRODUCTS = (
    _drink("T001", "鲜奶乌龙茶", "现萃乌龙配鲜牛乳", 16, "bestseller"),
    _drink("T002", "茉莉绿茶", "七窨茉莉", 12),
    _drink("T003", "葡萄冰茶", "手剥果肉", 19, "new"),
    _drink("T004", "桂花酒酿奶茶", "微醺甜香", 18, "new"),
    _drink("T005", "黑糖珍珠奶茶", "现熬珍珠", 17, "bestseller"),
    _drink("T006", "柠檬红茶", "酸甜清爽", 13),
    _drink("T007", "燕麦拿铁茶", "植物基", 20),
    _leaf("T008", "明前龙井", "豆香清雅", 98, "gift"),
    _leaf("T009", "凤凰单丛", "蜜兰香型", 88, "gift"),
    _leaf("T010", "正山小种", "桂圆香", 68),
    _leaf("T011", "老白茶", "三年陈化", 78),
    _snack("T012", "绿豆冰糕", "入口即化", 28, "gift"),
    _snack("T013", "蛋黄酥", "现烤日配", 36, "bestseller"),
    _snack("T014", "桃酥", "老面起酥", 22),
    _snack("T015", "茶香瓜子", "慢炒入味", 18),
    _snack("T016", "抹茶曲奇", "小包装", 26),
)

STORES = (
    DemoStore(
        code="T-SH01", name="样板茶铺·上海本店", group="city", ownership=Ownership.DIRECT, city="上海市", district="长宁区",
        address="样板西路 12 号", latitude=31.2204, longitude=121.4246, flagship=True, guides=("样板店员一", "样板店员二"),
    ),
    DemoStore(
        code="T-SH02", name="样板茶铺·示例广场店", group="mall", ownership=Ownership.JOINT, city="上海市", district="徐汇区",
        address="样板大道 88 号示例广场", latitude=31.1946, longitude=121.4366, in_mall=True, floor="B1-03",
        guides=("样板店员三",), price_change=10,
    ),
    DemoStore(
        code="T-SH03", name="样板茶铺·深夜店", group="city", ownership=Ownership.DIRECT, city="上海市", district="静安区",
        address="样板弄 3 号", latitude=31.2352, longitude=121.4470, hours=("18:00", "03:00"), business_day_starts="05:00",
        guides=("样板店员四",), left_out=("T008", "T009", "T010", "T011"),
    ),
    DemoStore(
        code="T-NB01", name="样板茶铺·宁波加盟店", group="city", ownership=Ownership.FRANCHISE, city="宁波市", district="海曙区",
        address="样板河畔 9 号", latitude=29.8683, longitude=121.5440, guides=("样板店员五",), left_out=("T003", "T007"),
    ),
)  # fmt: skip

BRAND = DemoBrand(
    code="demo-teahouse",
    name="样板茶铺",
    name_en="Specimen Teahouse",
    appid="wxdemoteahouse01",
    merchant_no="1900000202",
    number=2,
    categories={"drinks": "现制茶饮", "leaf": "茶叶", "snacks": "茶点"},
    products=PRODUCTS,
    stores=STORES,
    hours=("09:00", "22:30"),
    mall_rate_bps=1200,
    mall_category_rates={},
    commission_bps=200,
    commission_by_category={"leaf": 600},
    platform_fee_bps=80,
    takes_nothing_back=True,
)
