//! Class 20: channels.

use bytes::Bytes;

use super::methods;
use crate::codec::ShortString;

methods! {
    Open "channel.open" = 20, 10; Client { ; (ShortString) }
    OpenOk "channel.open-ok" = 20, 11; Server { ; (Bytes) }
    Flow "channel.flow" = 20, 20; Both { active: bool }
    FlowOk "channel.flow-ok" = 20, 21; Both { active: bool }
    Close "channel.close" = 20, 40; Both {
        reply_code: u16,
        reply_text: ShortString,
        /// The method that is to blame, or zeros.
        class_id: u16,
        method_id: u16,
    }
    CloseOk "channel.close-ok" = 20, 41; Both {}
}
