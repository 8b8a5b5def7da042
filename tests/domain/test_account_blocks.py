"""A blocked account pauses its provider; a blocked recipient, a wrong password or a used-up allowance does not."""

import pytest

from senddock.domain.reply import parse_reply
from senddock.domain.verdict import FailOver, VerdictClass, judge

BLOCKED = """
550 5.4.6 Unusual sending activity detected. Please try after sometime.
535 5.7.8 Error: authentication failed: Your message looks like spam. You need to use web for sending
550 5.1.8 Access denied, bad outbound sender
550 5.7.501 Access denied, spam abuse detected
550 5.7.705 Access denied, tenant has exceeded threshold
550 5.7.708 Access denied, traffic not accepted from this IP
535 Your account has been suspended
550 Account suspended. Please contact support
554 5.7.1 Account disabled for sending
421 Your account is temporarily suspended
420 Account is disabled - contact support
525 5.7.1 Your SendGrid account has been suspended
550 Your Mailjet account has been blocked
554 Your SparkPost account is suspended
550 5.7.1 Your account has been locked due to suspicious activity
554 5.7.1 Account has been blocked for spamming
550 Outgoing mail from "a@example.com" has been suspended
550 5.7.1 Outbound mail blocked: your mailbox has been compromised
550 Domain example.com has been disabled for sending
554 5.7.1 You have been blocked from sending due to too many bounces
535 Account is under compliance review
550 Your service has been terminated for abuse
550 This account has been suspended for sending spam
421 4.7.0 SMTP access for this account has been disabled due to abuse
550 Votre compte a été suspendu
550 Su cuenta ha sido suspendida
550 Ihr Konto wurde gesperrt
550 Ваш аккаунт заблокирован
550 您的账户已被冻结
"""
NOT_BLOCKED = """
550 5.2.1 The email account that you tried to reach is disabled
550 5.1.1 recipient account suspended
550 5.2.1 <a@example.com> mailbox suspended
550 mailbox has been blocked due to inactivity
535 5.7.1 User account is locked
535 5.7.8 Your SMTP account is not yet activated, please contact us
554 5.7.1 Your account is inactive
535 5.7.0 Your account is on probation. Account will be enabled in 2081 seconds
554 5.7.1 Service unavailable; Client host [192.0.2.4] blocked using zen.spamhaus.org
550 5.7.1 Message blocked
454 Throttling failure: Daily message quota exceeded
"""


@pytest.mark.parametrize("line", BLOCKED.strip().split("\n"))
def test_a_blocked_account_pauses_its_provider_and_the_mail_goes_elsewhere_once(line: str) -> None:
    verdict = judge(parse_reply(line))
    assert (verdict.cls, verdict.pause, verdict.fail_over) == (VerdictClass.CONTENT_REJECTED, True, FailOver.ONCE)
    assert not verdict.suppress


@pytest.mark.parametrize("line", NOT_BLOCKED.strip().split("\n"))
def test_another_trouble_does_not(line: str) -> None:
    assert not judge(parse_reply(line)).pause
