"""What a User-Agent says: the browser with its main version, and the phone's model if named."""

import pytest

from correction_service.presence.browsers import family, model

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58"


@pytest.mark.parametrize(
    ("agent", "browser", "phone"),
    [
        (
            (
                f"Mozilla/5.0 (Linux; U; Android 12; zh-cn; M2102K1AC Build/SKQ1.21) {WEBKIT} "
                "Mobile Safari/537.36 XiaoMi/MiuiBrowser/17.8.220"
            ),
            "MIUI 17",
            "M2102K1AC",
        ),
        (
            (
                f"Mozilla/5.0 (Linux; Android 10; ELS-AN00; HMSCore 6.13.0.302) {WEBKIT} "
                "HuaweiBrowser/14.0.5.303 Mobile Safari/537.36"
            ),
            "Huawei 14",
            "ELS-AN00",
        ),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Mobile Safari/537.36", "Chrome 100", None),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 "
                "(KHTML, like Gecko) Version/16.5 Mobile/15E148 Safari/604.1"
            ),
            "Safari 16",
            "iPhone",
        ),
        (
            "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
            "Firefox 120",
            None,
        ),
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Safari/537.36", "Chrome 100", None),
        ("Mozilla/5.0 (Linux; Android 9; <script>) Chrome/99", "Chrome 99", None),
        ("Mozilla/5.0 (Linux; Android 9; " + "x" * 41 + ") Chrome/99", "Chrome 99", None),
        ("Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.1) x", None, "NOH-AN00"),
        ("Mozilla/5.0 (Linux; arm_64; Android 12; zh-Hans-CN; V2055A) x", None, "V2055A"),
        ("curl/8.0", None, None),
        ("", None, None),
    ],
)
def test_browser_and_model_are_read_as_far_as_they_are_said(
    agent: str, browser: str | None, phone: str | None
) -> None:
    assert (family(agent), model(agent)) == (browser, phone)
