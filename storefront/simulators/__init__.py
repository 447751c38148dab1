"""The vendors, played by ourselves: WeChat Pay, the mini-program's server and WeCom, with real signatures, own clock, own books, faults.

Shipped with the product, for development, demonstrations and anybody's tests. The vendor's side speaks the vendor's names and bodies;
only `/simulator/…` is ours and uses our frame (`control` lists its calls; people open http://…/simulator/). Shares no code with the
adapters: a mistake made once must not cancel itself out.

Alone, with merchants from a file, on one port for all three vendors:

    storefront simulate --port 8100 --merchants cast.toml --keys keys --seed 7

    # cast.toml; the same structure as JSON is read, too. Fields are those of the control API in snake_case
    [[merchants]]
    mchid = "1900000001"
    appid = "wx0000000000000001"
    api_v3_key = "0123456789abcdefghijklmnopqrstuv"
    legal_name = "山茶（演示）有限公司"
    public_key_file = "apiclient_cert.pem"     # your merchant certificate; or make_keys = true, or public_key plus certificate_serial

    [[merchants]]                              # a receiver needs no keys
    mchid = "1900000002"
    legal_name = "星河商场（演示）有限公司"
    accepts_returns = true

    [[apps]]
    appid = "wx0000000000000001"
    secret = "app-secret"

    [[corps]]
    corpid = "ww0000000000000001"
    secrets = { contacts = "corp-secret" }

For each merchant `keys/<mchid>/` then holds `pub_key.pem`, `pub_key_id.txt` and `wechatpay_<serial>.pem` (platform certificate), and with
`make_keys` also `apiclient_key.pem` and `apiclient_serial.txt`, the serial to sign under. WeChat's key may be given, too (`wechat_key_id`,
`wechat_private_key_file`). Any SDK works whose three base addresses can be set: they are all `http://127.0.0.1:8100`.
With `--state file.json` everything, the keys included, survives a restart.
"""
