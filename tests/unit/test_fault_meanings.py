"""What a fault means to a flow, whichever protocol it comes from."""

from __future__ import annotations

import pytest

from acs.model import Fault, ParameterFault


@pytest.mark.parametrize("code", [9005, 7010, 7016, 7026])
def test_a_name_that_is_not_there_is_absent_over_both_protocols(code: int) -> None:
    assert Fault(code).says_absent
    assert ParameterFault("Device.X", code).says_absent
    assert not Fault(code).says_unsupported
    assert not Fault(code).says_not_writable


@pytest.mark.parametrize("code", [9000, 7001])
def test_a_method_that_is_not_known_is_unsupported_over_both_protocols(code: int) -> None:
    assert Fault(code).says_unsupported
    assert not Fault(code).says_absent
    assert not Fault(code).says_not_writable


@pytest.mark.parametrize("code", [9008, 7013])
def test_a_parameter_that_may_only_be_read_is_not_writable_over_both_protocols(code: int) -> None:
    assert Fault(code).says_not_writable
    assert ParameterFault("Device.X", code).says_not_writable
    assert not Fault(code).says_absent
    assert not Fault(code).says_unsupported


@pytest.mark.parametrize("code", [9003, 7004])
def test_a_fault_about_parameters_says_what_its_parameters_say(code: int) -> None:
    assert Fault(code, "", (ParameterFault("Device.X", 9005),)).says_absent
    assert Fault(code, "", (ParameterFault("Device.X", 7013),)).says_not_writable
    assert not Fault(code, "", (ParameterFault("Device.X", 7012),)).says_absent


def test_what_our_role_may_not_do_is_denied_and_not_absent() -> None:
    assert Fault(7006).says_denied
    assert ParameterFault("Device.X", 7006).says_denied
    assert not Fault(7006).says_absent
    assert not Fault(9001).says_denied


@pytest.mark.parametrize("code", [9001, 9002, 9004, 9006, 9007, 7002, 7003, 7006, 7008, 7012])
def test_other_faults_say_nothing_of_the_kind(code: int) -> None:
    fault = Fault(code)
    assert not (fault.says_absent or fault.says_unsupported or fault.says_not_writable)
