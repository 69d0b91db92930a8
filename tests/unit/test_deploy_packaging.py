import pytest

from respool.deploy.checks.findings import Malformed
from respool.deploy.packaging import limited, limited_by_terraform, named, refuse_unnamed

SAM = {
    "Resources": {
        "APIHandler": {"Type": "AWS::Serverless::Function", "Properties": {"Timeout": 29}},
        "ErrorSpool": {"Type": "AWS::Serverless::Function", "Properties": {"Timeout": 60}},
        "RestAPI": {"Type": "AWS::Serverless::Api", "Properties": {}},
    }
}


def test_functions_get_the_names_by_which_everything_finds_them() -> None:
    resources = named(SAM, ["error_spool", "api_handler"], "respool-dev")["Resources"]
    assert resources["APIHandler"]["Properties"] == {"Timeout": 29, "FunctionName": "respool-dev"}
    assert resources["ErrorSpool"]["Properties"]["FunctionName"] == "respool-dev-error_spool"
    assert resources["RestAPI"] == SAM["Resources"]["RestAPI"]


def test_a_package_whose_functions_would_stay_nameless_is_refused() -> None:
    with pytest.raises(Malformed, match="--single-file"):
        refuse_unnamed({"single_file": True})
    refuse_unnamed({"single_file": False})


def test_a_packaged_api_takes_no_more_requests_than_the_settings_say() -> None:
    assert limited(SAM, 20, 100)["Resources"]["RestAPI"]["Properties"]["MethodSettings"] == [
        {
            "ResourcePath": "/*",
            "HttpMethod": "*",
            "ThrottlingRateLimit": 20,
            "ThrottlingBurstLimit": 100,
        }
    ]
    terraform = {"resource": {"aws_api_gateway_deployment": {"rest_api": {"stage_name": "api"}}}}
    resources = limited_by_terraform(terraform, 20, 100)["resource"]
    settings = resources["aws_api_gateway_method_settings"]
    assert settings["rest_api"]["settings"] == {
        "throttling_rate_limit": 20,
        "throttling_burst_limit": 100,
    }
    assert settings["rest_api"]["stage_name"] == "${aws_api_gateway_deployment.rest_api.stage_name}"


def test_a_package_without_an_api_is_left_as_it_is() -> None:
    assert limited({"Resources": {}}, 20, 100) == {"Resources": {}}
    assert limited_by_terraform({"resource": {}}, 20, 100) == {"resource": {}}
