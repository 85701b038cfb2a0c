"""A bank for payouts: the ledger on moto with the bank-file rail, and a bank that reports on its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256

import msgspec
from lxml import etree

from admin.bank import pain001, reports
from chalicelib.config import Programme, Settings
from chalicelib.figures.benefits import BankFileRules, PayoutCode
from chalicelib.payouts.bank_files.report_lines import Line, Problem
from chalicelib.payouts.bank_files.reports import Imported, Source
from chalicelib.payouts.bank_files.store import Batch, Word
from chalicelib.payouts.bank_files.transfers import Order
from chalicelib.payouts.controls.limits import PauseStore
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.rules import Answer, Outcome, State
from chalicelib.registration.rules import FinancialAddress
from chalicelib.wiring import Services
from tests.builders.payouts.world import People, World, beneficiary
from tests.conftest import T0

MAKER = "arn:aws:iam::123456789012:user/maker"
CHECKER = "arn:aws:iam::123456789012:user/checker"
TUESDAY = date(2026, 11, 24)
DEBTOR = BankFileRules(
    initiating_party="PROGRAM GELOMBANG",
    debtor_name="PROGRAM GELOMBANG",
    debtor_account="0000000000",
    debtor_bic="BMRIIDJA",
    transfers_max=2_000,
)


def text(root: etree._Element, path: str) -> list[str]:
    """The texts of every element at a local path, at any depth."""
    return [one.text or "" for one in root.findall(".//" + "/".join(f"{{*}}{step}" for step in path.split("/")))]


def pain002(
    file: str, statuses: Mapping[str, str] | Iterable[tuple[str, str]], group: str = "", head: str = ""
) -> bytes:
    """A status report: `RJCT AC04` is a status with its reason. `group`: of the whole file; `head`: more of it."""

    def status(name: str, words: str) -> str:
        code, *reason = words.split(" ", 1)
        why = "".join(f"<StsRsnInf><Rsn><Cd>{one}</Cd></Rsn></StsRsnInf>" for one in reason)
        return f"<{name}>{code}</{name}>{why}" if words else ""

    pairs = statuses.items() if isinstance(statuses, Mapping) else statuses
    singles = "\n".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId>{status('TxSts', words)}</TxInfAndSts>"
        for reference, words in pairs
    )
    payment = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}</OrgnlPmtInfId>{singles}</OrgnlPmtInfAndSts>" if singles else ""
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>STATUS-1</MsgId><CreDtTm>2026-11-25T09:00:00+07:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{file}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
{head}{status("GrpSts", group)}</OrgnlGrpInfAndSts>
{payment}
</CstmrPmtStsRpt></Document>
""".encode()


def entry(
    reference: str,
    amount: str = "600000.00",
    *,
    returned: str = "",
    status: str = "BOOK",
    currency: str = "IDR",
    ref: str = "",
) -> str:
    """A booking: a debit, or with a reason in `returned` the credit by which it comes back."""
    direction = "CRDT" if returned else "DBIT"
    back = f"<RtrInf><Rsn><Cd>{returned}</Cd></Rsn></RtrInf>" if returned else ""
    booking = f"<AcctSvcrRef>{ref}</AcctSvcrRef>" if ref else ""
    return f"""<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>
<Sts><Cd>{status}</Cd></Sts>{booking}
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs><Amt Ccy="{currency}">{amount}</Amt>
<CdtDbtInd>{direction}</CdtDbtInd>{back}</TxDtls></NtryDtls></Ntry>"""


def camt054(*entries: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>NOTE-1</MsgId><CreDtTm>2026-11-25T09:00:00+07:00</CreDtTm></GrpHdr>
<Ntfctn><Id>NOTE-1-1</Id><Acct><Id><Othr><Id>0000000000</Id></Othr></Id></Acct>
{"".join(entries)}
</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
""".encode()


def reason(code: str = "", *, own: str = "", text: str = "") -> str:
    """Why: by a code of ISO's or the bank's own, and in its own words."""
    named = f"<Cd>{code}</Cd>" if code else f"<Prtry>{own}</Prtry>"
    why = f"<Rsn>{named}</Rsn>" if code or own else ""
    told = f"<AddtlInf>{text}</AddtlInf>" if text else ""
    return f"<StsRsnInf>{why}{told}</StsRsnInf>"


def tx(reference: str = "", status: str = "", more: str = "") -> str:
    named = f"<OrgnlEndToEndId>{reference}</OrgnlEndToEndId>" if reference else ""
    return f"<TxInfAndSts>{named}{f'<TxSts>{status}</TxSts>' if status else ''}{more}</TxInfAndSts>"


def block(file: str, status: str = "", more: str = "", *listed: str) -> str:
    said = f"<PmtInfSts>{status}</PmtInfSts>" if status else ""
    return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}</OrgnlPmtInfId>{said}{more}{''.join(listed)}</OrgnlPmtInfAndSts>"


def report(file: str, *blocks: str, group: str = "", why: str = "", message: str = "STATUS-1") -> bytes:
    head = f"<GrpSts>{group}</GrpSts>{why}" if group else ""
    raw = pain002(file, {}, head=head).replace(b"STATUS-1", message.encode())
    return raw.replace(b"</OrgnlGrpInfAndSts>", b"</OrgnlGrpInfAndSts>" + "".join(blocks).encode())


def rejection(fact: str, by: str) -> Word:
    """The word of a rejection that somebody imported."""
    return Word(Answer(Outcome.FAILED, fact), "ab", by)


@dataclass
class BankBooks:
    """What a bank does with the files that it gets: it pays each reference once."""

    paid: dict[str, int] = field(default_factory=dict)

    def take(self, raw: bytes) -> None:
        root = etree.fromstring(raw)
        for one in root.findall(".//{*}CdtTrfTxInf"):
            [reference], [amount] = text(one, "EndToEndId"), text(one, "InstdAmt")
            assert reference not in self.paid, "the bank was handed one transfer twice"
            self.paid[reference] = int(amount)


def only(raw: bytes) -> Line:
    """The one line of a report."""
    [line] = reports.read(raw)[1]
    return line


def problems(done: Imported) -> list[Problem]:
    """What an import found, without the references."""
    return [each.problem for each in done.findings]


def told_of(done: Imported) -> list[tuple[Problem, str | None]]:
    """What an import found, each with its reference."""
    return [(each.problem, each.reference) for each in done.findings]


class BankWorld:
    """The ledger, the worker and the bank's files. `now` moves only when a test moves it."""

    def __init__(self, settings: Settings, programme: Programme, transfers_max: int = 2_000) -> None:
        self.programme = with_bank(programme, transfers_max)
        self.now, self.rules = T0, self.programme.payouts
        self.people, self.pause = People(), PauseStore()
        self.services = services = Services(settings, self.programme)
        services.registrations = self.people
        self.store, self.bank_store, self.providers = services.payout_store, services.bank_store, services.providers
        self.worker, self.payouts, self.administration = (
            services.payout_worker,
            services.payouts,
            services.payout_administration,
        )
        self.files, self.reports = services.bank_files, services.bank_reports

    entitle, later, wipe = World.entitle, World.later, World.wipe

    def write(self, order: Order) -> bytes:
        return pain001.write(order, DEBTOR)

    def due(self, name: str, holder: str | None = None) -> str:
        """An entitlement that is DUE."""
        self.people.addresses[name] = FinancialAddress("BNI", "1234567890", holder or f"Holder {name}")
        return self.entitle(beneficiary(name))

    def claimed(self, name: str) -> str:
        """The reference of an attempt that waits for a file."""
        entitlement = self.due(name)
        assert self.worker.process(entitlement, self.now) is State.SENDING
        return f"{entitlement}-1"

    def state(self, reference: str) -> State:
        return self.store.get(reference.partition("-")[0]).state

    def propose(self, by: str = MAKER) -> Batch | None:
        return self.files.propose(by, TUESDAY, self.write, self.now).batch

    def approve(self, batch: str, by: str = CHECKER) -> bytes:
        return self.files.approve(batch, by, self.write, self.now)

    def sent(self, *names: str) -> tuple[str, list[str]]:
        """An approved file with an attempt of each name; its id and the references."""
        references = [self.claimed(name) for name in names]
        batch = self.propose()
        self.approve(batch.id)
        return batch.id, references

    def take_in(self, raw: bytes, by: str = CHECKER) -> Imported:
        _, statements = reports.read(raw)
        return self.reports.take_in(statements, Source(sha256(raw).hexdigest(), by), lambda: self.now)

    def take_in_by_two(self, raw: bytes) -> Imported:
        """The result of the second person's import; the first one's left the rejections for it."""
        self.take_in(raw, MAKER)
        return self.take_in(raw)

    def decide(self, reference: str, decision: Decision) -> State:
        """Let two people decide about an entitlement; returns its state then."""
        self.administration.propose(reference[:26], decision, MAKER, "the bank by letter", self.now)
        return self.checked(reference)

    def checked(self, reference: str) -> State:
        """Approve what was proposed about it."""
        return self.administration.approve(reference[:26], CHECKER, self.now).state


def with_bank(programme: Programme, transfers_max: int = 2_000) -> Programme:
    """The programme with every bank paid by file."""
    codes = {
        name: PayoutCode(kind="bank", rail="bank-file", bic=code.bic)
        for name, code in programme.payouts.codes.items()
        if code.bic
    }
    rules = msgspec.structs.replace(DEBTOR, transfers_max=transfers_max)
    return msgspec.structs.replace(
        programme, payouts=msgspec.structs.replace(programme.payouts, codes=codes, bank_file=rules)
    )
