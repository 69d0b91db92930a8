import pytest

from chalicelib.deploy.findings import Malformed
from chalicelib.deploy.packaging import named, refuse_unnamed

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
