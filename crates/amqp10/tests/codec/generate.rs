//! Any value and any performative, for property tests.

use amqp10::codec::{
    AmqpError, Array, Attach, Begin, Close, Coordinator, DeliveryState, Detach, Disposition, DistributionMode, End,
    Fields, Flow, Kind, Map, Modified, Open, Outcome, Performative, Received, ReceiverSettleMode, Role,
    SenderSettleMode, Source, Symbol, Target, TargetNode, TerminusDurability, TerminusExpiry, Text, Transactional,
    Transfer, Value,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=max).prop_map(Bytes::from)
}

pub(crate) fn text() -> BoxedStrategy<Text> {
    prop_oneof![9 => "\\PC{0,12}", 1 => "[a-zé]{240,300}"].prop_map(Text::from).boxed()
}

pub(crate) fn symbol() -> BoxedStrategy<Symbol> {
    prop_oneof![9 => "[ -~]{0,12}", 1 => "[ -~]{250,260}"].prop_map(|text| Symbol::try_from(text).unwrap()).boxed()
}

/// Numbers near the ends of the compact forms as well.
fn uint() -> BoxedStrategy<u32> {
    prop_oneof![0..300_u32, any::<u32>()].boxed()
}

/// A primitive value that holds no others, of one kind.
pub(crate) fn scalar_of(kind: Kind) -> BoxedStrategy<Value> {
    match kind {
        Kind::Null => Just(Value::Null).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Ubyte => any::<u8>().prop_map(Value::Ubyte).boxed(),
        Kind::Ushort => any::<u16>().prop_map(Value::Ushort).boxed(),
        Kind::Uint => uint().prop_map(Value::Uint).boxed(),
        Kind::Ulong => prop_oneof![0..300_u64, any::<u64>()].prop_map(Value::Ulong).boxed(),
        Kind::Byte => any::<i8>().prop_map(Value::Byte).boxed(),
        Kind::Short => any::<i16>().prop_map(Value::Short).boxed(),
        Kind::Int => prop_oneof![-200..200_i32, any::<i32>()].prop_map(Value::Int).boxed(),
        Kind::Long => prop_oneof![-200..200_i64, any::<i64>()].prop_map(Value::Long).boxed(),
        Kind::Float => any::<f32>().prop_map(Value::Float).boxed(),
        Kind::Double => any::<f64>().prop_map(Value::Double).boxed(),
        Kind::Decimal32 => any::<[u8; 4]>().prop_map(Value::Decimal32).boxed(),
        Kind::Decimal64 => any::<[u8; 8]>().prop_map(Value::Decimal64).boxed(),
        Kind::Decimal128 => any::<[u8; 16]>().prop_map(Value::Decimal128).boxed(),
        Kind::Char => any::<char>().prop_map(Value::Char).boxed(),
        Kind::Timestamp => any::<i64>().prop_map(Value::Timestamp).boxed(),
        Kind::Uuid => any::<[u8; 16]>().prop_map(Value::Uuid).boxed(),
        Kind::Binary => bytes(20).prop_map(Value::Binary).boxed(),
        Kind::String => text().prop_map(Value::String).boxed(),
        Kind::Symbol => symbol().prop_map(Value::Symbol).boxed(),
        Kind::List => Just(Value::List(Vec::new())).boxed(),
        Kind::Map => Just(Value::Map(Vec::new())).boxed(),
        Kind::Array => kind_of_scalar()
            .prop_map(|kind| Value::Array(Box::new(Array { descriptors: Vec::new(), kind, items: Vec::new() })))
            .boxed(),
    }
}

const SCALARS: [Kind; 21] = [
    Kind::Null,
    Kind::Bool,
    Kind::Ubyte,
    Kind::Ushort,
    Kind::Uint,
    Kind::Ulong,
    Kind::Byte,
    Kind::Short,
    Kind::Int,
    Kind::Long,
    Kind::Float,
    Kind::Double,
    Kind::Decimal32,
    Kind::Decimal64,
    Kind::Decimal128,
    Kind::Char,
    Kind::Timestamp,
    Kind::Uuid,
    Kind::Binary,
    Kind::String,
    Kind::Symbol,
];

pub(crate) fn kind_of_scalar() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&SCALARS[..])
}

pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    kind_of_scalar().prop_flat_map(scalar_of)
}

pub(crate) fn value() -> BoxedStrategy<Value> {
    scalar()
        .prop_recursive(4, 64, 8, |inner| {
            let compound = prop_oneof![
                vec(inner.clone(), 0..8).prop_map(Value::List),
                vec((inner.clone(), inner.clone()), 0..6).prop_map(Value::Map),
            ];
            prop_oneof![
                2 => compound.clone(),
                1 => array_of_scalars(),
                1 => array_of_compounds(inner.clone()),
                1 => (descriptor(), inner).prop_map(|(descriptor, value)| Value::described(descriptor, value)),
            ]
        })
        .boxed()
}

fn descriptor() -> impl Strategy<Value = Value> {
    prop_oneof![scalar_of(Kind::Ulong), scalar_of(Kind::Symbol)]
}

fn array_of_scalars() -> impl Strategy<Value = Value> {
    (vec(descriptor(), 0..3), kind_of_scalar()).prop_flat_map(|(descriptors, kind)| {
        vec(scalar_of(kind), 0..8)
            .prop_map(move |items| Value::Array(Box::new(Array { descriptors: descriptors.clone(), kind, items })))
    })
}

fn array_of_compounds(inner: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    let lists = vec(vec(inner.clone(), 0..4).prop_map(Value::List), 0..4).prop_map(|items| (Kind::List, items));
    let maps = vec(vec((inner.clone(), inner), 0..3).prop_map(Value::Map), 0..4).prop_map(|items| (Kind::Map, items));
    let arrays = vec(array_of_scalars(), 0..4).prop_map(|items| (Kind::Array, items));
    (vec(descriptor(), 0..2), prop_oneof![lists, maps, arrays])
        .prop_map(|(descriptors, (kind, items))| Value::Array(Box::new(Array { descriptors, kind, items })))
}

pub(crate) fn fields() -> BoxedStrategy<Fields> {
    vec((symbol(), value()), 0..3).prop_map(Fields).boxed()
}

pub(crate) fn map() -> BoxedStrategy<Map> {
    vec((scalar_of(Kind::Symbol), value()), 0..3).boxed()
}

fn symbols() -> BoxedStrategy<Vec<Symbol>> {
    vec(symbol(), 0..3).boxed()
}

fn error() -> BoxedStrategy<AmqpError> {
    (symbol(), option::of(text()), fields())
        .prop_map(|(condition, description, info)| AmqpError { condition, description, info })
        .boxed()
}

fn outcome() -> BoxedStrategy<Outcome> {
    prop_oneof![
        Just(Outcome::Accepted),
        Just(Outcome::Released),
        option::of(error()).prop_map(|error| Outcome::Rejected(error.map(Box::new))),
        (any::<bool>(), any::<bool>(), map()).prop_map(|(delivery_failed, undeliverable_here, message_annotations)| {
            Outcome::Modified(Modified { delivery_failed, undeliverable_here, message_annotations })
        }),
        bytes(8).prop_map(Outcome::Declared),
    ]
    .boxed()
}

fn state() -> BoxedStrategy<DeliveryState> {
    prop_oneof![
        3 => outcome().prop_map(DeliveryState::Outcome),
        1 => (uint(), any::<u64>()).prop_map(|(section_number, section_offset)| {
            DeliveryState::Received(Received { section_number, section_offset })
        }),
        1 => (bytes(8), option::of(outcome()))
            .prop_map(|(txn_id, outcome)| DeliveryState::Transactional(Transactional { txn_id, outcome })),
    ]
    .boxed()
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Sender), Just(Role::Receiver)]
}

fn receiver_settle_mode() -> impl Strategy<Value = ReceiverSettleMode> {
    prop_oneof![Just(ReceiverSettleMode::First), Just(ReceiverSettleMode::Second)]
}

fn node() -> BoxedStrategy<TargetNode> {
    let durable = prop_oneof![
        Just(TerminusDurability::None),
        Just(TerminusDurability::Configuration),
        Just(TerminusDurability::UnsettledState),
    ];
    let expiry = prop_oneof![
        Just(TerminusExpiry::LinkDetach),
        Just(TerminusExpiry::SessionEnd),
        Just(TerminusExpiry::ConnectionClose),
        Just(TerminusExpiry::Never),
    ];
    (option::of(text()), durable, expiry, uint(), any::<bool>(), fields(), symbols())
        .prop_map(|(address, durable, expiry_policy, timeout, dynamic, dynamic_node_properties, capabilities)| {
            TargetNode { address, durable, expiry_policy, timeout, dynamic, dynamic_node_properties, capabilities }
        })
        .boxed()
}

fn source() -> BoxedStrategy<Source> {
    let mode = prop_oneof![Just(DistributionMode::Move), Just(DistributionMode::Copy)];
    (node(), option::of(mode), fields(), option::of(outcome()), symbols())
        .prop_map(|(node, distribution_mode, filter, default_outcome, outcomes)| Source {
            address: node.address,
            durable: node.durable,
            expiry_policy: node.expiry_policy,
            timeout: node.timeout,
            dynamic: node.dynamic,
            dynamic_node_properties: node.dynamic_node_properties,
            distribution_mode,
            filter,
            default_outcome,
            outcomes,
            capabilities: node.capabilities,
        })
        .boxed()
}

fn target() -> BoxedStrategy<Target> {
    prop_oneof![
        node().prop_map(Target::Node),
        symbols().prop_map(|capabilities| Target::Coordinator(Coordinator { capabilities })),
    ]
    .boxed()
}

fn open() -> BoxedStrategy<Open> {
    let limits = (option::of(text()), uint(), any::<u16>(), option::of(uint()));
    let locales = (symbols(), symbols(), symbols(), symbols());
    (text(), limits, locales, fields())
        .prop_map(|(container_id, limits, locales, properties)| {
            let (hostname, max_frame_size, channel_max, idle_time_out) = limits;
            let (outgoing_locales, incoming_locales, offered_capabilities, desired_capabilities) = locales;
            Open {
                container_id,
                hostname,
                max_frame_size,
                channel_max,
                idle_time_out,
                outgoing_locales,
                incoming_locales,
                offered_capabilities,
                desired_capabilities,
                properties,
            }
        })
        .boxed()
}

fn begin() -> BoxedStrategy<Begin> {
    let windows = (uint(), uint(), uint(), uint());
    (option::of(any::<u16>()), windows, symbols(), symbols(), fields())
        .prop_map(|(remote_channel, windows, offered_capabilities, desired_capabilities, properties)| Begin {
            remote_channel,
            next_outgoing_id: windows.0,
            incoming_window: windows.1,
            outgoing_window: windows.2,
            handle_max: windows.3,
            offered_capabilities,
            desired_capabilities,
            properties,
        })
        .boxed()
}

fn attach() -> BoxedStrategy<Attach> {
    let sender =
        prop_oneof![Just(SenderSettleMode::Unsettled), Just(SenderSettleMode::Settled), Just(SenderSettleMode::Mixed)];
    let ends = (option::of(source()), option::of(target()));
    let unsettled = (vec((bytes(4), option::of(state())), 0..3), any::<bool>());
    let counts = (option::of(uint()), option::of(any::<u64>()));
    let rest = (symbols(), symbols(), fields());
    (text(), uint(), role(), sender, receiver_settle_mode(), ends, unsettled, counts, rest)
        .prop_map(|(name, handle, role, snd_settle_mode, rcv_settle_mode, ends, unsettled, counts, rest)| Attach {
            name,
            handle,
            role,
            snd_settle_mode,
            rcv_settle_mode,
            source: ends.0,
            target: ends.1,
            unsettled: unsettled.0,
            incomplete_unsettled: unsettled.1,
            initial_delivery_count: counts.0,
            max_message_size: counts.1,
            offered_capabilities: rest.0,
            desired_capabilities: rest.1,
            properties: rest.2,
        })
        .boxed()
}

fn flow() -> BoxedStrategy<Flow> {
    let session = (option::of(uint()), uint(), uint(), uint());
    let link = (option::of(uint()), option::of(uint()), option::of(uint()), option::of(uint()));
    (session, link, any::<bool>(), any::<bool>(), fields())
        .prop_map(|(session, link, drain, echo, properties)| Flow {
            next_incoming_id: session.0,
            incoming_window: session.1,
            next_outgoing_id: session.2,
            outgoing_window: session.3,
            handle: link.0,
            delivery_count: link.1,
            link_credit: link.2,
            available: link.3,
            drain,
            echo,
            properties,
        })
        .boxed()
}

fn transfer() -> BoxedStrategy<Transfer> {
    let delivery = (option::of(uint()), option::of(bytes(32)), option::of(uint()), option::of(any::<bool>()));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (uint(), delivery, option::of(receiver_settle_mode()), option::of(state()), flags)
        .prop_map(|(handle, delivery, rcv_settle_mode, state, flags)| Transfer {
            handle,
            delivery_id: delivery.0,
            delivery_tag: delivery.1,
            message_format: delivery.2,
            settled: delivery.3,
            more: flags.0,
            rcv_settle_mode,
            state,
            resume: flags.1,
            aborted: flags.2,
            batchable: flags.3,
        })
        .boxed()
}

fn disposition() -> BoxedStrategy<Disposition> {
    (role(), uint(), option::of(uint()), any::<bool>(), option::of(state()), any::<bool>())
        .prop_map(|(role, first, last, settled, state, batchable)| Disposition {
            role,
            first,
            last,
            settled,
            state,
            batchable,
        })
        .boxed()
}

pub(crate) fn performative() -> BoxedStrategy<Performative> {
    prop_oneof![
        open().prop_map(|open| Performative::Open(Box::new(open))),
        begin().prop_map(|begin| Performative::Begin(Box::new(begin))),
        attach().prop_map(|attach| Performative::Attach(Box::new(attach))),
        flow().prop_map(|flow| Performative::Flow(Box::new(flow))),
        transfer().prop_map(Performative::Transfer),
        disposition().prop_map(Performative::Disposition),
        (uint(), any::<bool>(), option::of(error())).prop_map(|(handle, closed, error)| Performative::Detach(Detach {
            handle,
            closed,
            error
        })),
        option::of(error()).prop_map(|error| Performative::End(End { error })),
        option::of(error()).prop_map(|error| Performative::Close(Close { error })),
    ]
    .boxed()
}
