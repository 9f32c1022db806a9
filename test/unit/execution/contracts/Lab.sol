// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

contract Child {
    uint256 public value;
    event Born(address indexed parent, uint256 value);

    constructor(uint256 v) payable {
        require(v != 13, "unlucky");
        value = v;
        emit Born(msg.sender, v);
    }

    function die(address payable to) external {
        selfdestruct(to);
    }

    receive() external payable {}
}

/// One function for each thing that an execution can get wrong.
contract Lab {
    mapping(uint256 => uint256) public slots;
    uint256 public counter;
    address payable public last;
    uint256 transient fleeting;

    event Noted(address indexed who, uint256 indexed topic, bytes data);
    event Seen(uint256 a, bytes32 b);

    constructor() payable {}

    receive() external payable {
        emit Noted(msg.sender, msg.value, "paid");
    }

    function store(uint256 first, uint256 count, uint256 value) external {
        for (uint256 i = first; i < first + count; i++) slots[i] = value;
    }

    function flip(uint256 slot) external {
        uint256 before = slots[slot];
        slots[slot] = before + 1;
        slots[slot] = 0;
        slots[slot] = before;
    }

    function note(uint256 topic, bytes calldata data) external payable {
        emit Noted(msg.sender, topic, data);
    }

    function fail(string calldata why) external payable {
        counter++;
        emit Noted(msg.sender, 0, "lost");
        require(false, why);
    }

    function failInside(uint256 value) external payable {
        slots[1] = value;
        (bool ok, bytes memory data) = address(this).call{value: msg.value}(abi.encodeCall(Lab.fail, ("inner")));
        emit Seen(ok ? 1 : 0, keccak256(data));
        counter++;
    }

    function burnAll() external {
        slots[2] = 1;
        assembly {
            invalid()
        }
    }

    function loop(uint256 rounds) external {
        uint256 x = counter;
        for (uint256 i = 0; i < rounds; i++) x = uint256(keccak256(abi.encode(x, i)));
        counter = x;
    }

    function make(uint256 v) external payable {
        last = payable(address(new Child{value: msg.value}(v)));
    }

    function make2(uint256 v, bytes32 salt) external payable {
        last = payable(address(new Child{value: msg.value, salt: salt}(v)));
    }

    function makeCaught(uint256 v, bytes32 salt) external payable {
        try new Child{value: msg.value, salt: salt}(v) returns (Child child) {
            last = payable(address(child));
        } catch (bytes memory why) {
            emit Seen(0, keccak256(why));
        }
    }

    /// The child lived before: it only loses its balance (EIP-6780).
    function killLast(address payable to) external {
        if (last.code.length > 0) Child(last).die(to);
    }

    /// Made and destroyed at once; money sent afterwards vanishes with it.
    function mayfly(address payable to, bool toSelf, uint256 late) external payable {
        Child child = new Child{value: msg.value - late}(1);
        child.die(toSelf ? payable(address(child)) : to);
        if (late > 0) payable(address(child)).transfer(late);
    }

    function remember(uint256 value) external {
        emit Seen(fleeting, 0);
        fleeting = value;
        emit Seen(this.recall(), 0);
    }

    function recall() external view returns (uint256) {
        return fleeting;
    }

    function natives(bytes calldata data, uint8 v, bytes32 r, bytes32 s) external {
        emit Seen(uint160(ecrecover(keccak256(data), v, r, s)), sha256(data));
        emit Seen(uint160(ripemd160(data)), keccak256(data));
        (bool ok, bytes memory out) = address(5).staticcall(abi.encode(32, 32, 32, uint256(3), uint256(bytes32(r)), type(uint128).max));
        emit Seen(ok ? 1 : 0, keccak256(out));
        (ok, out) = address(6).staticcall(abi.encode(uint256(1), uint256(2), uint256(1), uint256(2)));
        emit Seen(ok ? 1 : 0, keccak256(out));
        (ok, out) = address(7).staticcall(abi.encode(uint256(1), uint256(2), uint256(bytes32(s))));
        emit Seen(ok ? 1 : 0, keccak256(out));
    }

    function look(address who) external {
        emit Seen(who.balance, who.codehash);
        emit Seen(who.code.length, keccak256(who.code));
        emit Seen(gasleft(), bytes32(uint256(uint160(tx.origin))));
        emit Seen(tx.gasprice, bytes32(block.basefee));
        emit Seen(block.chainid, bytes32(block.number));
        emit Seen(block.timestamp, bytes32(uint256(uint160(address(block.coinbase)))));
        emit Seen(block.gaslimit, bytes32(address(this).balance));
    }

    function pay(address payable to, uint256 value) external {
        (bool ok, ) = to.call{value: value}("");
        emit Seen(ok ? 1 : 0, bytes32(value));
    }

    function deep(uint256 levels) external {
        counter++;
        if (levels > 0) {
            try this.deep(levels - 1) {} catch {
                emit Seen(levels, 0);
            }
        }
    }

    function entropy() external view returns (uint256 random, bytes32 parent, bytes32 self) {
        return (block.prevrandao, blockhash(block.number - 1), blockhash(block.number));
    }
}
