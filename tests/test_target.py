import pytest

from importer.errors import UsageError
from importer.settings.api_access import resolve_target


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("production", "https://api.wizcommerce.com"),
        (" Staging ", "https://api-staging.sourcerer.tech"),
        ("https://api.wizcommerce.com", "https://api.wizcommerce.com"),
        ("https://API.wizcommerce.com/v1/", "https://api.wizcommerce.com"),
        ("HTTPS://api.wizcommerce.com:443/v1", "https://api.wizcommerce.com"),
        ("https://API.WizCommerce.com.", "https://api.wizcommerce.com"),
        ("https://api.wizcommerce.com.:443/v1/", "https://api.wizcommerce.com"),
        ("https://api.example.com:8443/", "https://api.example.com:8443"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:9/v1", "http://[::1]:9"),
    ],
)
def test_targets_are_resolved_to_urls(target, url) -> None:
    assert resolve_target(target) == url
    assert resolve_target(url) == url


@pytest.mark.parametrize(
    "target",
    [
        "",
        "prod",
        "api.wizcommerce.com",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https:api.example.com",
        "//api.example.com",
        "http://api.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "https://api.example.com/v2",
        "https://api.example.com/v1/customers",
        "https://api.example.com?x=1",
        "https://api.example.com?",
        "https://api.example.com/#top",
        "https://api.example.com:99999",
        "https://api.example.com:0",
        "https://api.example.com:port",
        "https://api example.com",
        "https://api.example.com\\@evil.example.org",
        "https://-api.example.com",
        "https://api..example.com",
        "https://api.example.com..",
        "https://.",
        "https://äpi.example.com",
        "https://[::1",
        "https://a%2fb.example.com",
    ],
)
def test_invalid_targets_are_refused(target) -> None:
    with pytest.raises(UsageError):
        resolve_target(target)


@pytest.mark.parametrize("target", ["https://user:hunter2@api.example.com", "https://hunter2@api.example.com/v1?x"])
def test_credentials_are_refused_and_not_repeated(target) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_target(target)
    assert "hunter2" not in str(caught.value)
