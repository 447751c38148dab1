"""示例衣橱 (Sample Wardrobe): a fictional clothing chain with five stores."""

from storefront.demo.shapes import DemoBrand, DemoProduct, DemoStore
from tenants.states import Ownership

SIZES = ("S", "M", "L", "XL")
ADULT = {"XL": 10}


def _clothes(
    code: str, title: str, subtitle: str, category: str, price: int, colours: tuple[str, ...], *tags: str
) -> DemoProduct:
    options = {"颜色": colours, "尺码": SIZES}
    return DemoProduct(
        code=code,
        title=title,
        subtitle=subtitle,
        category=category,
        price=price,
        options=options,
        extra=ADULT,
        tags=tags,
    )


def _plain(
    code: str, title: str, subtitle: str, price: int, values: tuple[str, ...], *tags: str
) -> DemoProduct:
    return DemoProduct(
        code=code,
        title=title,
        subtitle=subtitle,
        category="accessories",
        price=price,
        options={"颜色": values},
        tags=tags,
    )


PRODUCTS = (
    _clothes(
        "W001",
        "经典双排扣女士风衣",
        "防泼水面料，三季可穿",
        "coats",
        899,
        ("卡其", "藏青"),
        "new",
        "bestseller",
    ),
    _clothes("W002", "羊毛混纺大衣", "六成羊毛，落肩版型", "coats", 1299, ("驼色", "炭灰"), "new"),
    _clothes("W003", "轻薄羽绒马甲", "可收纳，内搭外穿", "coats", 399, ("黑色", "米白")),
    _clothes("W004", "男士机能夹克", "四面弹，口袋多", "coats", 599, ("黑色", "军绿")),
    _clothes("W005", "针织开衫", "软糯不扎", "knitwear", 329, ("奶油", "雾蓝"), "bestseller"),
    _clothes("W006", "高领羊绒衫", "百分百山羊绒", "knitwear", 799, ("黑色", "酒红"), "new"),
    _clothes("W007", "粗棒针毛衣", "慵懒宽松", "knitwear", 369, ("燕麦", "墨绿")),
    _clothes("W008", "纯棉圆领T恤", "二百二十克重磅棉", "tops", 99, ("白色", "黑色", "灰色"), "bestseller"),
    _clothes("W009", "牛津纺衬衫", "免烫处理", "tops", 199, ("白色", "浅蓝")),
    _clothes("W010", "法式碎花连衣裙", "收腰显瘦", "dresses", 459, ("樱粉", "藏青"), "new"),
    _clothes("W011", "缎面半身裙", "垂坠感好", "dresses", 299, ("香槟", "黑色")),
    _clothes("W012", "直筒牛仔裤", "微弹丹宁", "trousers", 299, ("原色", "浅蓝"), "bestseller"),
    _clothes("W013", "阔腿西裤", "高腰垂坠", "trousers", 359, ("黑色", "燕麦")),
    _clothes("W014", "束脚运动裤", "毛圈棉", "trousers", 229, ("黑色", "灰色")),
    _clothes("W020", "连帽卫衣", "三百六十克重磅棉", "tops", 259, ("黑色", "灰色", "奶油"), "new"),
    _plain("W015", "羊毛围巾", "一百八十厘米长", 199, ("驼色", "格纹", "炭灰"), "gift"),
    _plain("W016", "真皮腰带", "头层牛皮", 159, ("黑色", "棕色")),
    _plain("W017", "帆布托特包", "可放十四寸电脑", 129, ("米白", "黑色"), "gift"),
    _plain("W018", "渔夫帽", "双面可戴", 89, ("卡其", "黑色")),
    _plain("W019", "棉袜三双装", "抗菌防臭", 39, ("混色",), "gift"),
)

STORES = (
    DemoStore(
        code="SH01", name="示例衣橱·上海样板路旗舰店", group="east", ownership=Ownership.DIRECT, city="上海市",
        district="黄浦区", address="样板路 1 号", latitude=31.2304, longitude=121.4737, flagship=True,
        guides=("示例导购甲", "示例导购乙"),
    ),
    DemoStore(
        code="SH02", name="示例衣橱·示例广场店", group="east", ownership=Ownership.JOINT, city="上海市", district="徐汇区",
        address="样板大道 88 号示例广场", latitude=31.1946, longitude=121.4366, in_mall=True, floor="L2-15",
        guides=("示例导购丙", "示例导购丁"), left_out=("W004", "W014"),
    ),
    DemoStore(
        code="HZ01", name="示例衣橱·杭州加盟店", group="east", ownership=Ownership.FRANCHISE, city="杭州市",
        district="西湖区", address="样板巷 6 号", latitude=30.2592, longitude=120.1302, guides=("示例导购戊",),
        left_out=("W002", "W006"), price_change=-5,
    ),
    DemoStore(
        code="BJ01", name="示例衣橱·北京样板街店", group="north", ownership=Ownership.DIRECT, city="北京市",
        district="东城区", address="样板街 20 号", latitude=39.9139, longitude=116.4102, guides=("示例导购己",),
    ),
    DemoStore(
        code="POP1", name="示例衣橱·秋日快闪店", group="east", ownership=Ownership.DIRECT, city="上海市", district="静安区",
        address="样板公园南门", latitude=31.2281, longitude=121.4480, popup_days=(20, 40), hours=("11:00", "21:00"),
        guides=("示例导购庚",), left_out=tuple(f"W{number:03d}" for number in range(5, 15)), price_change=-10,
    ),
)  # fmt: skip

BRAND = DemoBrand(
    code="demo-wardrobe",
    name="示例衣橱",
    name_en="Sample Wardrobe",
    appid="wxdemowardrobe01",
    merchant_no="1900000101",
    number=1,
    categories={
        "coats": "外套", "knitwear": "针织", "tops": "上装", "dresses": "裙装", "trousers": "裤装", "accessories": "配饰",
    },
    products=PRODUCTS,
    stores=STORES,
    hours=("10:00", "22:00"),
    mall_rate_bps=2000,
    mall_category_rates={"accessories": 1500},
    commission_bps=300,
    commission_by_category={"coats": 500},
    platform_fee_bps=100,
)  # fmt: skip
