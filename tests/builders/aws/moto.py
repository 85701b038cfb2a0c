"""Makes moto quicker, and in a few things more like AWS.

Work of moto that takes most of a test's time and is not under test is done once, or in a shorter way. The answers stay
moto's.
"""

from __future__ import annotations

import json
import pickle
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from copyreg import dispatch_table
from functools import cache, partial
from io import BytesIO
from threading import RLock
from typing import Any, ClassVar, TypeVar
from urllib.parse import unquote
from zlib import crc32

import msgspec
import pytest
from botocore.loaders import JSONFileLoader, create_loader
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from moto.cloudformation.models import Stack, cloudformation_backends
from moto.core import DEFAULT_ACCOUNT_ID, models, responses
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import HTTPException, ServiceException
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb import models as dynamodb_models
from moto.dynamodb import responses as dynamodb_responses
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import GlobalSecondaryIndex, LocalSecondaryIndex, Table
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.expressions import UpdateExpressionParser
from moto.dynamodb.parsing.validators import UpdateExpressionValidator
from moto.kms import utils as kms_utils
from moto.kms.responses import KmsResponse
from moto.kms.utils import RSAPrivateKey
from moto.ses.exceptions import NotFoundException
from moto.sesv2.responses import SESV2Response
from moto.sns import models as sns_models
from moto.sqs import models as sqs_models

from bench.aws.expressions import Unplayed, updated

ITEM_MAX = 405_000
"""In bytes, as moto has it."""
SCALARS = {"S", "N", "B", "BOOL", "NULL"}
T = TypeVar("T")
underscored = cache(camelcase_to_underscores)
MADE: dict[Callable[[], Any], tuple[list[BackendDict], bytes]] = {}
"""What was made on an empty moto: which services took part, and what was answered and what they know, pickled."""


@cache
def rsa_key(key_size: int) -> RSAPrivateKey:
    return RSAPrivateKey(key_size)


class Pickler(pickle.Pickler):
    """For whoever reads it, each lock is a new one, and an RSA key the one that all have."""

    dispatch_table: ClassVar = {
        **dispatch_table,
        type(RLock()): lambda _: (RLock, ()),
        RSAPrivateKey: lambda key: (partial(rsa_key, key_size=key.key_size), ()),
    }


def made_once(make: Callable[[], T]) -> T:
    """What `make` makes on an empty moto: a process makes it once, and every test has a copy of its own."""
    if make not in MADE:
        made, services, into = make(), list(BackendDict._instances), BytesIO()
        cloudformation_backends.clear()  # a stack holds again all that it has made: three quarters of a copy
        Pickler(into).dump((made, [dict(service) for service in services]))
        MADE[make] = services, into.getvalue()
        return made
    services, pickled = MADE[make]
    made, known = pickle.loads(pickled)
    for service, accounts in zip(services, known, strict=True):
        service.update(accounts)
    BackendDict._instances.extend(services)  # so that moto empties them
    return made


def make_quick(patch: pytest.MonkeyPatch) -> None:
    """For every stack moto makes an RSA key per KMS key (it encrypts with another one), and one per subscription, and
    reads the JSON template as YAML; and botocore reads its endpoints and service models again for every session.
    """
    load = JSONFileLoader().load_file
    read_once = cache(lambda path: pickle.dumps(load(path)))
    # A copy for each, since some change what they are given.
    patch.setattr(JSONFileLoader, "load_file", staticmethod(lambda path: pickle.loads(read_once(path))))
    patch.setattr("botocore.session.create_loader", cache(create_loader))
    patch.setattr(kms_utils, "RSAPrivateKey", rsa_key)
    signing_key = cache(partial(sns_models.rsa.generate_private_key, 65537, 2048))
    patch.setattr(sns_models.Subscription, "private_key", lambda _: signing_key())
    patch.setattr(Stack, "parse_template", staticmethod(json.loads))
    patch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))
    patch.setattr(responses, "camelcase_to_underscores", underscored)
    # What follows from a kind of service was put together at every call, after its module was loaded again for S3.
    read, known = BaseBackend.urls.fget, dict[type, Any]()
    urls = property(lambda service: known.get(type(service)) or known.setdefault(type(service), read(service)))
    patch.setattr(BaseBackend, "urls", urls)
    # Nothing here speaks HTTP through `requests`, for which every start of moto registers 700 patterns.
    patch.setattr(models, "RESPONSES_METHODS", [])
    # A queue looks at its clock six times for each message in it, with each that is sent.
    patch.setattr(sqs_models, "unix_time_millis", lambda: time.time() * 1000)
    _make_tables_quick(patch)
    _make_expressions_quick(patch)
    _make_updates_quick(patch)


def _make_tables_quick(patch: pytest.MonkeyPatch) -> None:
    """A query sorted the whole table, every comparison looked first for the type of what it compared, and an item was
    measured again for each of its attributes.
    """
    query, cast_value, size = Table.query, DynamoType.cast_value.fget, DynamoType.size

    def of_partition(table: Table, partition: DynamoType, *given: Any, **more: Any) -> Any:
        keys = more["hash_key_conditions"]
        if given[6] is None:  # no index
            found = table.items.get(partition, {}).values()
        else:
            everything = [item for items in table.items.values() for item in items.values()]
            found = [item for item in everything if all(item.attrs.get(name) == value for name, value in keys)]
        vars(table)["all_items"] = lambda: found
        try:
            return query(table, partition, *given, **more)
        finally:
            del vars(table)["all_items"]

    def same(one: DynamoType, other: DynamoType | None) -> bool:
        return other is not None and one.type == other.type and one.cast_value == other.cast_value

    def fill(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
        item.hash_key, item.range_key, item.attrs = hash_key, range_key, LimitedSizeDict()
        dict.update(item.attrs, {name: DynamoType(value) for name, value in attrs.items()})
        if item.size() > ITEM_MAX:
            raise ItemSizeTooLarge

    patch.setattr(Table, "query", of_partition)
    plain = property(lambda attribute: attribute.value if attribute.type == "S" else cast_value(attribute))
    patch.setattr(DynamoType, "cast_value", plain)
    patch.setattr(DynamoType, "__eq__", same)
    patch.setattr(DynamoType, "size", lambda it: len(it.value.encode()) if it.type == "S" else size(it))
    patch.setattr(Item, "__init__", fill)


def _make_expressions_quick(patch: pytest.MonkeyPatch) -> None:
    """An expression was read two or three times for each call, and walked through ten times to check an update."""
    read, known = ConditionExpressionParser.parse, dict[str, tuple[Any, list[str], list[str]]]()

    def parse(parser: ConditionExpressionParser) -> Any:
        names, values = parser.expression_attribute_names, parser.expression_attribute_values
        told = repr((parser.condition_expression, names, values))
        if told not in known:
            if len(known) > 1000:
                known.clear()
            known[told] = read(parser), parser.expr_attr_names_found, parser.expr_attr_values_found
        condition, names_found, values_found = known[told]
        parser.expr_attr_names_found, parser.expr_attr_values_found = [*names_found], [*values_found]
        return condition

    is_kind = cache(issubclass)

    def walk(traverser: DepthFirstTraverser, node: Any, at: int = -1, kinds: tuple[type, ...] = ()) -> Any:
        if not is_kind(type(node), Node):
            return node
        kinds, parent = kinds or traverser.nodes_to_be_processed(), node.parent
        for number, child in enumerate(node.children or ()):
            traverser.pre_processing_of_child(node, number)
            walk(traverser, child, number, kinds)
        if is_kind(type(node), kinds):
            node = traverser.process(node)
            node.parent = parent
            if parent:
                parent.children[at] = node
        return node

    patch.setattr(ConditionExpressionParser, "parse", parse)
    patch.setattr(validators, "deepcopy", lambda expression: pickle.loads(pickle.dumps(expression)))
    patch.setattr(DepthFirstTraverser, "traverse_node_recursively", walk)


class Update:
    """In place of moto's validator of an update, of the expression that it checked, and of what executes that.

    Moto checks an update when the first of its form comes: its text, its table, and the types of its values. What the
    next ones make of an item says `updated`, which is compared with moto (`tests/bench/test_expressions.py`). What that
    does not support or would refuse stays moto's.
    """

    checked: ClassVar[set[tuple[Any, ...]]] = set()

    def __init__(self, expression: Node, **given: Any) -> None:
        self._expression, self._given, self._item = expression, given, given["item"]

    def validate(self) -> Any:
        names, values = (self._given[f"expression_attribute_{kind}"] or {} for kind in ("names", "values"))
        types = ((name, *value, "" in value.values()) for name, value in values.items())
        form = (self._expression.text, self._given["table"].name, *names.items(), *types)
        if form in self.checked:
            asked = {"UpdateExpression": self._expression.text, "Key": {}}
            asked |= {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
            with suppress(Unplayed, KeyError):
                self._after = updated(asked, {name: {it.type: it.value} for name, it in self._item.attrs.items()})
                return self
        valid = UpdateExpressionValidator(self._expression, **self._given).validate()
        self.checked.add(form)
        return valid

    def normalize(self) -> None:
        """The order of an expression's changes does not matter here."""

    def execute(self) -> None:
        self._item.attrs = Item(self._item.hash_key, self._item.range_key, self._after).attrs


def _make_updates_quick(patch: pytest.MonkeyPatch) -> None:
    """An update walked ten times through its expression to check it, and copied the item twice, value by value."""
    read = UpdateExpressionParser.make

    @cache
    def make(text: str) -> Any:
        expression = read(text)
        expression.text = text
        return expression

    def copied(item: Item, _: Any) -> Item:
        copy: Any = object.__new__(Item)
        attrs = {name: it if it.type in SCALARS else deepcopy(it) for name, it in item.attrs.items()}
        copy.hash_key, copy.range_key, copy.attrs = item.hash_key, item.range_key, LimitedSizeDict()
        dict.update(copy.attrs, attrs)
        return copy

    def executor(checked: Any, *given: Any) -> Any:
        return checked if isinstance(checked, Update) else UpdateExpressionExecutor(checked, *given)

    patch.setattr(UpdateExpressionParser, "make", staticmethod(make))
    patch.setattr(dynamodb_models, "UpdateExpressionValidator", Update)
    patch.setattr(dynamodb_models, "UpdateExpressionExecutor", executor)
    patch.setattr(Item, "__deepcopy__", copied, raising=False)


class Handler(dynamodb_responses.DynamoHandler):
    """What answers a call to DynamoDB, without HTTP around it."""

    dynamodb_backend: Any = None


def decoded(attribute: dict[str, Any]) -> dict[str, Any]:
    is_bytes = isinstance(attribute.get("B"), str)
    return {"B": b64decode(attribute["B"])} if is_bytes else attribute


def answer_of_dynamodb(request: Any) -> tuple[int, dict[str, str], bytes] | None:
    """What moto answers to a call about items; None of any other, of one that is refused, or for another DynamoDB."""
    target = request.headers.get("X-Amz-Target", "")
    operation = (target if isinstance(target, str) else target.decode()).removeprefix("DynamoDB_20120810.")
    if not operation.endswith(("Item", "Items", "Query", "Scan")) or ".amazonaws.com" not in request.url:
        return None
    handler = Handler()
    handler.dynamodb_backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][request.url.split(".")[1]]
    handler.body = json.loads(request.body, object_hook=decoded if b'"B":' in request.body else None)
    try:
        result = getattr(handler, underscored(operation))()
    except (ServiceException, HTTPException):
        return None
    body = msgspec.json.encode(result.result)
    return 200, {"x-amz-crc32": str(crc32(body))}, body


def one_call_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """An operation is one moment on AWS, also among threads. On moto it is not.

    While a transaction copies the table to be able to undo itself another thread's write changes it under its hands, or
    is undone with it, and a query walks over what others add to.
    """
    process, moment = BotocoreStubber.process_request, RLock()

    def alone(stubber: BotocoreStubber, request: Any) -> Any:
        with moment:
            return (answer_of_dynamodb(request) if stubber.enabled else None) or process(stubber, request)

    patch.setattr(BotocoreStubber, "process_request", alone)


def undo_what_was_touched(patch: pytest.MonkeyPatch) -> None:
    """To be able to undo a transaction moto copies the whole table for each of its legs; here, the items that it names.

    And moto lists whatever it made until the cloud ends, each item too.
    """
    write = DynamoDBBackend.transact_write_items

    def transact(backend: Any, legs: list[dict[str, Any]]) -> None:
        before = []
        for [leg] in (leg.values() for leg in legs):
            table = backend.tables.get(leg["TableName"])
            if table is not None:
                key = leg.get("Key") or leg["Item"]
                place = [DynamoType(key[name]) for name in (table.hash_key_attr, table.range_key_attr)]
                before.append((table, place, deepcopy(table.get_item(*place))))
        try:
            write(backend, legs)
        except Exception:  # whatever moto refuses a transaction with, it is undone and raised again
            for table, (partition, sort), item in before:
                if item is None:
                    table.items[partition].pop(sort, None)
                else:
                    table.items[partition][sort] = item
            raise

    patch.setattr(Table, "__deepcopy__", lambda table, _: table, raising=False)
    patch.setattr(DynamoDBBackend, "transact_write_items", transact)
    for model in (Table, Item, LocalSecondaryIndex, GlobalSecondaryIndex):
        patch.setattr(model, "__new__", lambda cls, *_, **__: object.__new__(cls))


def make_key_pairs(patch: pytest.MonkeyPatch) -> None:
    """KMS makes key pairs, of which nobody sees the private half before KMS opens it. Moto knows no such operation."""

    def answer(asked: KmsResponse) -> str:
        assert asked._get_param("KeyPairSpec") == "ECC_NIST_P256"
        asked._validate_key_id(asked._get_param("KeyId"))
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        context = asked._get_param("EncryptionContext", {})
        wrapped, arn = asked.kms_backend.encrypt(asked._get_param("KeyId"), private, context)
        made = {"PrivateKeyCiphertextBlob": wrapped, "PublicKey": public}
        said = {name: b64encode(value).decode() for name, value in made.items()}
        return json.dumps({**said, "KeyId": arn, "KeyPairSpec": "ECC_NIST_P256"})

    patch.setattr(KmsResponse, "generate_data_key_pair_without_plaintext", answer, raising=False)


def keep_addresses_that_bounced(patch: pytest.MonkeyPatch) -> None:
    """SES keeps a list of addresses that bounced. Moto knows none: here it is the set `suppressed` of its SES."""

    def delete(asked: SESV2Response) -> str:
        address = unquote(asked.uri.rpartition("/")[2])
        listed = vars(asked.sesv2_backend).get("suppressed", set[str]())
        if address not in listed:
            raise NotFoundException(f"{address} is not on the list")
        listed.remove(address)
        return "{}"

    patch.setattr(SESV2Response, "delete_suppressed_destination", delete, raising=False)
