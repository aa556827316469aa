use model::{ConsumerIndex, limits};

use crate::attach::Asked;
use crate::codec::Text;
use crate::inbound::Inbound;
use crate::outbound::Outbound;
use crate::transactions::Controller;

/// Links of one connection; their places are numbers of consumers, and 16 bits of tokens.
pub(crate) const LINKS: usize = 16_384;
const _: () = assert!(LINKS <= limits::CONSUMERS_PER_CONNECTION as usize);

/// Names a link in tokens: its place, and which of those that had this place it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkRef {
    pub(crate) index: u16,
    pub(crate) generation: u8,
}

/// A link that was attached and not yet left by everybody.
pub(crate) struct Link {
    /// The session's channel; `None` once that has ended.
    pub(crate) channel: Option<u16>,
    /// The peer's handle and ours.
    pub(crate) input: u32,
    pub(crate) output: u32,
    pub(crate) name: Text,
    pub(crate) state: State,
    pub(crate) end: End,
}

pub(crate) enum State {
    /// The attach is not answered yet.
    Asked(Box<Asked>),
    Live,
    /// This side has detached with an error; the peer has not yet.
    Refused,
    /// The peer has detached, or its session ended. What the core still says for this link is for nobody; its place is
    /// free when the core has said all. `Some(closed)`: a detach is still to be answered, once the node's end is known.
    Leaving(Option<bool>),
}

/// What this side does on the link.
pub(crate) enum End {
    /// Receives messages.
    Inbound(Box<Inbound>),
    /// Sends messages.
    Outbound(Box<Outbound>),
    /// Receives declares and discharges.
    Coordinator(Box<Controller>),
}

/// All links of a connection, by their places.
#[derive(Default)]
pub(crate) struct Links {
    slots: Vec<Slot>,
    free: Vec<u16>,
}

#[derive(Default)]
struct Slot {
    generation: u8,
    link: Option<Box<Link>>,
}

impl LinkRef {
    pub(crate) fn bits(self) -> u64 {
        u64::from(self.generation) << 16 | u64::from(self.index)
    }

    pub(crate) fn of_bits(bits: u64) -> Self {
        Self { index: bits as u16, generation: (bits >> 16) as u8 }
    }

    /// The link's consumer, if it has one.
    pub(crate) fn consumer(self) -> ConsumerIndex {
        ConsumerIndex(self.index.into())
    }
}

impl Links {
    /// `None` if there are [`LINKS`] already.
    pub(crate) fn insert(&mut self, link: Link) -> Option<LinkRef> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() < LINKS => {
                self.slots.push(Slot::default());
                (self.slots.len() - 1) as u16
            }
            None => return None,
        };
        let slot = &mut self.slots[usize::from(index)];
        slot.link = Some(Box::new(link));
        Some(LinkRef { index, generation: slot.generation })
    }

    pub(crate) fn remove(&mut self, index: u16) -> Option<Box<Link>> {
        let slot = self.slots.get_mut(usize::from(index))?;
        let link = slot.link.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        Some(link)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u16) -> Option<&mut Link> {
        self.slots.get_mut(usize::from(index))?.link.as_deref_mut()
    }

    pub(crate) fn get(&self, index: u16) -> Option<&Link> {
        self.slots.get(usize::from(index))?.link.as_deref()
    }

    /// The link that a token names, if it is still that one.
    #[inline]
    pub(crate) fn named(&mut self, link: LinkRef) -> Option<&mut Link> {
        let slot = self.slots.get_mut(usize::from(link.index))?;
        slot.link.as_deref_mut().filter(|_| slot.generation == link.generation)
    }

    pub(crate) fn name_of(&self, index: u16) -> LinkRef {
        let generation = self.slots.get(usize::from(index)).map_or(0, |slot| slot.generation);
        LinkRef { index, generation }
    }

    /// Every link, with its place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Link)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| Some((index as u16, slot.link.as_deref()?)))
    }
}

impl Link {
    pub(crate) fn inbound(&mut self) -> Option<&mut Inbound> {
        match &mut self.end {
            End::Inbound(inbound) => Some(inbound),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn outbound(&mut self) -> Option<&mut Outbound> {
        match &mut self.end {
            End::Outbound(outbound) => Some(outbound),
            _ => None,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Live)
    }
}
