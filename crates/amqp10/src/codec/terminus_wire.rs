//! Sources, targets and coordinators: bytes ⇄ values.

use bytes::BytesMut;

use super::composite::{Composite, open, take_described};
use super::descriptor;
use super::error::Malformed;
use super::list_writer::ListWriter;
use super::read::{Budget, Origin};
use super::state::Outcome;
use super::terminus::{Coordinator, DistributionMode, Source, Target, TargetNode, TerminusDurability, TerminusExpiry};
use super::text::{Symbol, Text};
use super::value::Fields;
use super::write::put_symbol;

impl Source {
    pub(super) fn read<'a>(rest: &mut &'a [u8], origin: Origin<'a>, budget: &mut Budget) -> Result<Self, Malformed> {
        let (code, fields) = take_described("source", rest)?;
        if code != Some(descriptor::SOURCE) {
            return Err(Malformed::Descriptor("a source"));
        }
        let mut list = open("source", fields, origin, budget)?;
        let node = Node::read(&mut list)?;
        let source = Self {
            address: node.address,
            durable: node.durable,
            expiry_policy: node.expiry_policy,
            timeout: node.timeout,
            dynamic: node.dynamic,
            dynamic_node_properties: node.dynamic_node_properties,
            distribution_mode: choice(list.symbol("distribution-mode")?, &DISTRIBUTION_MODES, "distribution-mode")?,
            filter: list.fields("filter")?,
            default_outcome: list.nested(Outcome::read)?,
            outcomes: list.symbols("outcomes")?,
            capabilities: list.symbols("capabilities")?,
        };
        list.finish()?;
        Ok(source)
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        let mut list = ListWriter::new(out, descriptor::SOURCE);
        write_node(
            &mut list,
            self.address.as_ref(),
            (self.durable, self.expiry_policy, self.timeout),
            self.dynamic,
            &self.dynamic_node_properties,
        );
        list.option(self.distribution_mode, |out, mode| put_symbol(out, mode.name().as_bytes()));
        list.fields(&self.filter);
        list.option(self.default_outcome.as_ref(), |out, outcome| outcome.write(out));
        list.symbols(&self.outcomes);
        list.symbols(&self.capabilities);
        list.finish();
    }
}

impl Target {
    pub(super) fn read<'a>(rest: &mut &'a [u8], origin: Origin<'a>, budget: &mut Budget) -> Result<Self, Malformed> {
        let (code, fields) = take_described("target", rest)?;
        let mut list = open("target", fields, origin, budget)?;
        let target = match code {
            Some(descriptor::TARGET) => {
                let node = Node::read(&mut list)?;
                Self::Node(TargetNode {
                    address: node.address,
                    durable: node.durable,
                    expiry_policy: node.expiry_policy,
                    timeout: node.timeout,
                    dynamic: node.dynamic,
                    dynamic_node_properties: node.dynamic_node_properties,
                    capabilities: list.symbols("capabilities")?,
                })
            }
            Some(descriptor::COORDINATOR) => {
                Self::Coordinator(Coordinator { capabilities: list.symbols("capabilities")? })
            }
            _ => return Err(Malformed::Descriptor("a target")),
        };
        list.finish()?;
        Ok(target)
    }

    pub(super) fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Node(node) => {
                let mut list = ListWriter::new(out, descriptor::TARGET);
                write_node(
                    &mut list,
                    node.address.as_ref(),
                    (node.durable, node.expiry_policy, node.timeout),
                    node.dynamic,
                    &node.dynamic_node_properties,
                );
                list.symbols(&node.capabilities);
                list.finish();
            }
            Self::Coordinator(Coordinator { capabilities }) => {
                let mut list = ListWriter::new(out, descriptor::COORDINATOR);
                list.symbols(capabilities);
                list.finish();
            }
        }
    }
}

/// The fields that sources and targets begin with.
struct Node {
    address: Option<Text>,
    durable: TerminusDurability,
    expiry_policy: TerminusExpiry,
    timeout: u32,
    dynamic: bool,
    dynamic_node_properties: Fields,
}

impl Node {
    fn read(list: &mut Composite<'_, '_>) -> Result<Self, Malformed> {
        Ok(Self {
            address: list.string("address")?,
            durable: match list.uint("durable")? {
                None | Some(0) => TerminusDurability::None,
                Some(1) => TerminusDurability::Configuration,
                Some(2) => TerminusDurability::UnsettledState,
                Some(_) => return Err(Malformed::Choice("durable")),
            },
            expiry_policy: choice(list.symbol("expiry-policy")?, &EXPIRY_POLICIES, "expiry-policy")?
                .unwrap_or_default(),
            timeout: list.uint("timeout")?.unwrap_or(0),
            dynamic: list.flag("dynamic")?,
            dynamic_node_properties: list.fields("dynamic-node-properties")?,
        })
    }
}

fn write_node(
    list: &mut ListWriter<'_>,
    address: Option<&Text>,
    (durable, expiry_policy, timeout): (TerminusDurability, TerminusExpiry, u32),
    dynamic: bool,
    dynamic_node_properties: &Fields,
) {
    list.string(address);
    list.uint_unless(0, durable as u32);
    let expiry = Some(expiry_policy).filter(|policy| *policy != TerminusExpiry::default());
    list.option(expiry, |out, policy| put_symbol(out, policy.name().as_bytes()));
    list.uint_unless(0, timeout);
    list.flag(dynamic);
    list.fields(dynamic_node_properties);
}

const EXPIRY_POLICIES: [(&str, TerminusExpiry); 4] = [
    (TerminusExpiry::LinkDetach.name(), TerminusExpiry::LinkDetach),
    (TerminusExpiry::SessionEnd.name(), TerminusExpiry::SessionEnd),
    (TerminusExpiry::ConnectionClose.name(), TerminusExpiry::ConnectionClose),
    (TerminusExpiry::Never.name(), TerminusExpiry::Never),
];

const DISTRIBUTION_MODES: [(&str, DistributionMode); 2] =
    [(DistributionMode::Move.name(), DistributionMode::Move), (DistributionMode::Copy.name(), DistributionMode::Copy)];

fn choice<T: Copy>(symbol: Option<Symbol>, choices: &[(&str, T)], name: &'static str) -> Result<Option<T>, Malformed> {
    let Some(symbol) = symbol else { return Ok(None) };
    match choices.iter().find(|(choice, _)| symbol == *choice) {
        Some((_, value)) => Ok(Some(*value)),
        None => Err(Malformed::Choice(name)),
    }
}
