//! Any bytes, valid and damaged frames, and the recorded streams of real clients.

use std::path::Path;

use amqp10::codec::{
    self, Attach, Coordination, Coordinator, DeliveryState, Detach, Disposition, DistributionMode, Flow, Modified,
    Open, Outcome, Performative, ProtocolId, ReceiverSettleMode, Role, SenderSettleMode, Source, Symbol, Target,
    TargetNode, TerminusExpiry, Transactional, Transfer,
};
use amqp10::fuzz;
use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::client::{begin, credit, data, durable, open, receives, sends, source, transfer};

type Piece = (u16, Performative, Vec<u8>);

/// What keeps a connection busy: nearly everything is as it should be, as a wrong frame ends its link or session.
fn useful() -> impl Strategy<Value = Piece> {
    let piece = prop_oneof![
        1 => attach().prop_map(|attach| (Performative::Attach(Box::new(attach)), Vec::new())),
        30 => message(),
        20 => flow().prop_map(|flow| (Performative::Flow(Box::new(flow)), Vec::new())),
        16 => disposition().prop_map(|disposition| (Performative::Disposition(disposition), Vec::new())),
        2 => (0..4u32, any::<bool>()).prop_map(|(handle, closed)| {
            (Performative::Detach(Detach { handle, closed, error: None }), Vec::new())
        }),
        10 => coordination(),
    ];
    (prop_oneof![60 => Just(0u16), 1 => Just(1)], piece).prop_map(|(channel, (what, payload))| (channel, what, payload))
}

/// A link on each handle: a sender, two receivers, a controller.
fn links() -> Vec<Piece> {
    let controller = Attach { target: Some(Target::Coordinator(Coordinator::default())), ..sends(3, "") };
    let attaches = [sends(0, "queue://a"), receives(1, "queue://a"), receives(2, "topic://a.>"), controller];
    attaches.into_iter().map(|attach| (0, Performative::Attach(Box::new(attach)), Vec::new())).collect()
}

fn attach() -> impl Strategy<Value = Attach> {
    let address =
        prop_oneof![Just("queue://a"), Just("topic://a.>"), Just("/queues/b"), Just("/exchanges/x/k"), Just("/no")];
    let kind = 0..10u8;
    (0..4u32, address, kind, any::<bool>(), any::<bool>(), 0..3u8).prop_map(
        |(handle, address, kind, receiver, second, name)| {
            let mut attach = if receiver { receives(handle, address) } else { sends(handle, address) };
            attach.name = format!("link-{name}").as_str().into();
            if second {
                attach.rcv_settle_mode = ReceiverSettleMode::Second;
            }
            let capable = |name| vec![Symbol::from_static(name)];
            match kind {
                0 => attach.target = Some(Target::Coordinator(Coordinator::default())),
                1 => attach.target = Some(Target::Node(TargetNode::default())),
                2 => {
                    attach.source =
                        Some(Source { dynamic: true, capabilities: capable("temporary-topic"), ..Source::default() });
                    attach.target = Some(Target::Node(TargetNode { dynamic: true, ..TargetNode::default() }));
                }
                3 => attach.source = Some(Source { dynamic: true, ..Source::default() }),
                4 => attach.source = Some(Source { expiry_policy: TerminusExpiry::Never, ..source(address) }),
                5 => attach.source = Some(Source { capabilities: capable("shared"), ..source(address) }),
                6 => {
                    attach.source = Some(Source { distribution_mode: Some(DistributionMode::Copy), ..source(address) })
                }
                7 => attach.source = None,
                8 => attach.snd_settle_mode = SenderSettleMode::Settled,
                _ => {}
            }
            attach
        },
    )
}

fn message() -> impl Strategy<Value = (Performative, Vec<u8>)> {
    let payload = prop_oneof![
        30 => (0..300usize).prop_map(|length| data(&vec![7; length])),
        10 => (0..3_000usize).prop_map(|length| durable(&vec![7; length])),
        1 => vec(any::<u8>(), 0..40),
    ];
    let rarely = || prop::bool::weighted(0.03);
    let handle = prop_oneof![30 => Just(0u32), 1 => 0..4u32];
    (handle, 0..20u32, prop::bool::weighted(0.2), (rarely(), rarely(), rarely()), prop::bool::weighted(0.2), payload)
        .prop_map(|(handle, id, settled, (more, goes_on, aborted), transactional, payload)| {
            let mut transfer = if goes_on { Transfer { handle, ..Transfer::default() } } else { transfer(handle, id) };
            (transfer.settled, transfer.more, transfer.aborted) = (settled.then_some(true), more, aborted);
            if transactional {
                transfer.state = Some(in_transaction(0));
            }
            (Performative::Transfer(transfer), payload)
        })
}

fn flow() -> impl Strategy<Value = Flow> {
    (option::of(0..4u32), 0..10u32, 0..12u32, 0..20u32, any::<(bool, bool)>()).prop_map(
        |(handle, count, given, window, (drain, echo))| Flow {
            handle,
            delivery_count: handle.map(|_| count),
            link_credit: handle.map(|_| given),
            incoming_window: window,
            next_incoming_id: Some(count),
            drain,
            echo,
            ..credit(0, 0, 0)
        },
    )
}

fn disposition() -> impl Strategy<Value = Disposition> {
    let modified = DeliveryState::Outcome(Outcome::Modified(Modified { delivery_failed: true, ..Modified::default() }));
    let state = prop_oneof![
        4 => Just(DeliveryState::ACCEPTED),
        1 => Just(DeliveryState::RELEASED),
        1 => Just(modified),
        2 => (0..2u8).prop_map(in_transaction),
    ];
    (0..12u32, 0..6u32, any::<(bool, bool)>(), option::of(state)).prop_map(|(first, more, (settled, sender), state)| {
        let role = if sender && more == 0 { Role::Sender } else { Role::Receiver };
        Disposition { role, first, last: Some(first + more), settled, state, batchable: false }
    })
}

/// The ids of the first transactions are known: their place, and how many there have been.
fn transaction(at: u8) -> Bytes {
    Bytes::from(vec![0, 0, 0, at, 0, 0, 0, at + 1])
}

fn in_transaction(at: u8) -> DeliveryState {
    DeliveryState::Transactional(Transactional { txn_id: transaction(at), outcome: Some(Outcome::Accepted) })
}

fn coordination() -> impl Strategy<Value = (Performative, Vec<u8>)> {
    let message = prop_oneof![
        Just(Coordination::Declare { global_id: None }),
        (0..3u8, any::<bool>()).prop_map(|(at, fail)| Coordination::Discharge { txn_id: transaction(at), fail }),
    ];
    (0..20u32, message).prop_map(|(id, message)| {
        let mut payload = BytesMut::new();
        message.encode(&mut payload);
        (Performative::Transfer(transfer(3, id)), payload.to_vec())
    })
}

fn stream(pieces: &[Piece], sole: bool, frame: u32) -> BytesMut {
    let mut bytes = BytesMut::from(&ProtocolId::Amqp.header()[..]);
    let mut open = Open { max_frame_size: frame, ..open() };
    if sole {
        open.desired_capabilities.push(Symbol::from_static("sole-connection-for-container"));
    }
    codec::encode(&mut bytes, 0, &Performative::Open(Box::new(open)), &[]);
    codec::encode(&mut bytes, 0, &begin(), &[]);
    for (channel, performative, payload) in pieces {
        codec::encode(&mut bytes, *channel, performative, payload);
    }
    bytes
}

#[test]
fn the_corpus_confuses_no_connection() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let mut files: Vec<_> = ["amqp10_connection", "amqp10_codec"]
        .iter()
        .flat_map(|name| std::fs::read_dir(folder.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 20, "only {} files", files.len());
    for file in files {
        println!("{}", file.display());
        let data = std::fs::read(&file).unwrap();
        (0..10).for_each(|seed| fuzz::run_with(&data, seed));
    }
}

proptest! {
    #[test]
    fn useful_frames(pieces in vec(useful(), 1..80), sole: bool, small: bool, seed: u64) {
        let pieces = [links(), pieces].concat();
        fuzz::run_with(&stream(&pieces, sole, if small { 512 } else { 100_000 }), seed);
    }

    #[test]
    fn attaches_and_detaches(attaches in vec(attach(), 0..20), pieces in vec(useful(), 1..30), seed: u64) {
        let attaches = attaches.into_iter().flat_map(|it| {
            let detach = Performative::Detach(Detach { handle: it.handle, closed: true, error: None });
            [(0, Performative::Attach(Box::new(it)), Vec::new()), (0, detach, Vec::new())]
        });
        let pieces = [links()[..1].to_vec(), pieces, attaches.collect()].concat();
        fuzz::run_with(&stream(&pieces, false, 1_000), seed);
    }

    #[test]
    fn damaged_frames(pieces in vec(useful(), 0..30), at: Index, byte: u8, seed: u64) {
        let pieces = [links(), pieces].concat();
        let mut bytes = stream(&pieces, false, 600);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        fuzz::run_with(&bytes, seed);
    }

    #[test]
    fn any_bytes(data in vec(any::<u8>(), 0..300), seed: u64) {
        fuzz::run_with(&data, seed);
        let mut bytes = stream(&[], false, 600);
        bytes.extend_from_slice(&data);
        fuzz::run_with(&bytes, seed);
    }
}
