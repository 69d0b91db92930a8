from respool.local.environment import exports, variables, without_aws

ENDPOINT = "http://127.0.0.1:4566"


def test_nothing_that_reaches_a_real_account_is_kept() -> None:
    mine = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "secret", "HOME": "/home/me"}
    assert without_aws(mine) == {"HOME": "/home/me"}


def test_an_sdk_is_turned_to_loopback_with_made_up_credentials() -> None:
    environment = variables(ENDPOINT, account="100000000001")
    assert environment["AWS_ENDPOINT_URL"] == ENDPOINT
    assert environment["AWS_ACCESS_KEY_ID"] == "100000000001"
    assert (
        environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    )


def test_export_lines_hold_the_variables_of_the_sdk_alone() -> None:
    lines = exports(ENDPOINT).splitlines()
    assert f"export AWS_ENDPOINT_URL={ENDPOINT}" in lines
    assert all(line.startswith("export AWS_") for line in lines)
