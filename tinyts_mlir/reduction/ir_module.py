"""A module of IR, with one function of one block, as something to reduce."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, ModuleOp, NoneAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, SSAValue
from xdsl.printer import Printer
from xdsl.utils.exceptions import DiagnosticException

from tinyts_mlir.errors import CompileError


class IRModule:
    """A module; ops with operands are its layers, those without (constants) come along where they are read."""

    def __init__(self, module: ModuleOp) -> None:
        """Raises CompileError unless the module is one function of one block."""
        self.module = module
        self._function = _function_of(module)
        self._layers = _layers(self._function)

    @property
    def layer_count(self) -> int:
        """As of Subject."""
        return len(self._layers)

    def encode(self) -> bytes:
        """As of Subject. Names of layers are printed where there are any."""
        text = StringIO()
        names = any(not isinstance(op.location, NoneAttr | type(None)) for op in self._layers)
        Printer(text, print_debuginfo=names).print_op(self.module)
        return f"{text.getvalue()}\n".encode()

    def __str__(self) -> str:
        """As of Subject."""
        return f"{self.layer_count} {'op' if self.layer_count == 1 else 'ops'}, {len(self.encode()):,} bytes of text"

    def keep(self, layers: Sequence[int]) -> IRModule | None:
        """As of Subject; None where what is left does not verify."""
        module = self.module.clone()
        function = _function_of(module)
        block = function.body.block
        ops = _layers(function)
        chosen = set(layers)
        removed = {op for number, op in enumerate(ops) if number not in chosen}
        old_return = block.last_op
        assert isinstance(old_return, ReturnOp)
        returned = [value for value in old_return.operands if value.owner not in removed]
        for op in removed:
            for result in op.results:
                if any(use.operation not in removed and use.operation is not old_return for use in result.uses):
                    argument = block.insert_arg(result.type, len(block.args))
                    result.replace_uses_with_if(argument, lambda use: use.operation is not old_return)
        kept = [op for op in ops if op not in removed]
        returned += [
            result
            for op in kept
            for result in op.results
            if result not in returned and all(use.operation in removed for use in result.uses)
        ]
        return _finished(module, function, old_return, returned, removed)

    def shortcuts(self) -> Iterator[IRModule]:
        """As of Subject: a result less is returned; an op's readers read an operand of the same type."""
        returned = self._function.body.block.last_op
        assert isinstance(returned, ReturnOp)
        for position in range(len(returned.operands)):
            if len(returned.operands) > 1 and (without := self._without_result(position)) is not None:
                yield without
        for number, op in enumerate(self._layers):
            if self.layer_count > 1 and len(op.results) == 1:
                for position, operand in enumerate(op.operands):
                    same = operand.type == op.results[0].type
                    if same and (bypassed := self._bypassed(number, position)) is not None:
                        yield bypassed

    def _without_result(self, position: int) -> IRModule | None:
        module = self.module.clone()
        function = _function_of(module)
        old_return = function.body.block.last_op
        assert isinstance(old_return, ReturnOp)
        returned = [value for number, value in enumerate(old_return.operands) if number != position]
        return _finished(module, function, old_return, returned, set())

    def _bypassed(self, number: int, position: int) -> IRModule | None:
        module = self.module.clone()
        function = _function_of(module)
        op = _layers(function)[number]
        op.results[0].replace_all_uses_with(op.operands[position])
        old_return = function.body.block.last_op
        assert isinstance(old_return, ReturnOp)
        returned = list(dict.fromkeys(value for value in old_return.operands if isinstance(value.owner, Operation)))
        return _finished(module, function, old_return, returned, {op})

    def smaller(self) -> Iterator[IRModule]:
        """As of Subject: there are none; the types of ops depend on each other."""
        yield from ()

    def simpler(self) -> Iterator[IRModule]:
        """As of Subject: all zeroes."""
        count = sum(1 for _ in _plainer_constants(self._function))
        for number in (None, *range(count)) if count > 1 else range(count):
            module = self.module.clone()
            for position, (op, name, zeroes) in enumerate(_plainer_constants(_function_of(module))):
                if number in (None, position):
                    (op.properties if name in op.properties else op.attributes)[name] = zeroes
            if _verifies(module):
                yield IRModule(module)


def _function_of(module: ModuleOp) -> FuncOp:
    found = list(module.body.block.ops)
    if len(found) != 1 or not isinstance(found[0], FuncOp) or len(found[0].body.blocks) != 1:
        names = ", ".join(op.name for op in found) or "nothing"
        raise CompileError(f"expected a module of one func.func with one block, got {names}")
    if not isinstance(found[0].body.block.last_op, ReturnOp):
        raise CompileError("expected a function that ends with func.return")
    return found[0]


def _layers(function: FuncOp) -> list[Operation]:
    return [op for op in function.body.block.ops if op.operands and not isinstance(op, ReturnOp)]


def _finished(
    module: ModuleOp, function: FuncOp, old_return: ReturnOp, returned: Sequence[SSAValue], removed: set[Operation]
) -> IRModule | None:
    """The module with another return and without some ops, and without what nothing reads any more."""
    block = function.body.block
    block.insert_op_before(ReturnOp(*returned), old_return)
    old_return.detach()
    old_return.erase()
    for op in reversed([op for op in block.ops if op in removed]):
        op.detach()
        op.erase()
    _erase_unread(block)
    for argument in reversed(block.args):
        if not argument.uses:
            block.erase_arg(argument)
    function.update_function_type()
    return IRModule(module) if _verifies(module) else None


def _erase_unread(block: Block) -> None:
    """Erases constants that nothing reads."""
    for op in reversed(list(block.ops)):
        if not op.operands and not isinstance(op, ReturnOp) and not any(result.uses for result in op.results):
            op.detach()
            op.erase()


def _plainer_constants(function: FuncOp) -> Iterator[tuple[Operation, str, Attribute]]:
    """Ops with a constant that is not all zeroes: the name of the attribute, and zeroes to take its place."""
    for op in function.body.block.ops:
        for name, attribute in (*op.properties.items(), *op.attributes.items()):
            if isinstance(attribute, DenseIntOrFPElementsAttr) and any(attribute.data.data):
                zeroes = type(attribute)(attribute.type, type(attribute.data)(bytes(len(attribute.data.data))))
                yield op, name, zeroes


def _verifies(module: ModuleOp) -> bool:
    try:
        module.verify()
    except DiagnosticException:
        return False
    return True
