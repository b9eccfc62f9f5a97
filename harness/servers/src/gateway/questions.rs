//! DNS messages: the question that one asks, and its answer.

use simple_dns::{
    CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE, header_buffer,
    rdata::{OPT, RData},
};
use std::net::Ipv4Addr;

/// The longest datagram that is read; also what we tell others to send.
pub(super) const LONGEST: u16 = 1232;
/// How long an answer may be kept. It does not change as long as the gateway runs.
const KEPT_SECONDS: u32 = 30;

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// An address.
    To(Ipv4Addr),
    /// There is no such name.
    Nobody,
    /// That cannot be told now.
    Unknown,
}

/// A message that asks for one name.
pub(super) struct Question<'a> {
    packet: Packet<'a>,
    name: String,
}

impl<'a> Question<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// The answer to one that is no question that can be understood; none to what was not even asked.
    pub(super) fn read(message: &'a [u8]) -> Result<Self, Option<Vec<u8>>> {
        let id = header_buffer::id(message).map_err(|_| None)?;
        if header_buffer::has_flags(message, PacketFlag::RESPONSE) != Ok(false) {
            return Err(None);
        }
        let refused = |code| {
            let mut reply = Packet::new_reply(id);
            *reply.rcode_mut() = code;
            Err(reply.build_bytes_vec().ok())
        };
        let Ok(packet) = Packet::parse(message) else {
            return refused(RCODE::FormatError);
        };
        if packet.opcode() != simple_dns::OPCODE::StandardQuery {
            return refused(RCODE::NotImplemented);
        }
        let [question] = &packet.questions[..] else {
            return refused(RCODE::FormatError);
        };
        let name = question.qname.to_string().to_ascii_lowercase();
        Ok(Self { packet, name })
    }

    /// The name asked for, in lower case, if an address of it is wanted. Of everything else there is nothing to tell.
    pub(super) fn host(&self) -> Option<&str> {
        let question = self.packet.questions.first()?;
        let is_for_address = matches!(question.qtype, QTYPE::TYPE(TYPE::A) | QTYPE::ANY)
            && matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY);
        is_for_address.then_some(&self.name)
    }

    /// Whether the name can be that of a host.
    pub(super) fn is_host_name(&self) -> bool {
        let question = self.packet.questions.first();
        question.is_some_and(|question| question.qname.is_valid_hostname())
    }

    /// The answer: what the name leads to, or nothing where no address of it was asked for.
    pub(super) fn answer(self, resolved: Option<Resolved>) -> Option<Vec<u8>> {
        let mut reply = Packet::new_reply(self.packet.id());
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
        if self.packet.has_flags(PacketFlag::RECURSION_DESIRED) {
            reply.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        *reply.opt_mut() = self.packet.opt().map(|_| OPT {
            udp_packet_size: LONGEST,
            version: 0,
            opt_codes: Vec::new(),
        });
        match resolved {
            Some(Resolved::To(address)) => {
                let name: Option<Name> = self
                    .packet
                    .questions
                    .first()
                    .map(|question| question.qname.clone());
                let data = RData::A(address.into());
                reply.answers = name
                    .map(|name| ResourceRecord::new(name, CLASS::IN, KEPT_SECONDS, data))
                    .into_iter()
                    .collect();
            }
            Some(Resolved::Nobody) => *reply.rcode_mut() = RCODE::NameError,
            Some(Resolved::Unknown) => *reply.rcode_mut() = RCODE::ServerFailure,
            None => {}
        }
        reply.questions = self.packet.questions;
        reply.build_bytes_vec_compressed().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

    fn asked(name: &'static str, kind: TYPE) -> Vec<u8> {
        let mut packet = Packet::new_query(7);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        packet.questions.push(simple_dns::Question::new(
            Name::new_unchecked(name),
            QTYPE::TYPE(kind),
            CLASS::IN.into(),
            false,
        ));
        *packet.opt_mut() = Some(OPT {
            udp_packet_size: 4096,
            version: 0,
            opt_codes: Vec::new(),
        });
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn an_answer_repeats_the_question_as_it_was_asked() {
        let message = asked("Outside.Example", TYPE::A);
        let question = Question::read(&message).ok().unwrap();
        assert_eq!(question.host(), Some("outside.example"));
        assert!(question.is_host_name());
        let answer = question.answer(Some(Resolved::To(ADDRESS))).unwrap();
        let answer = Packet::parse(&answer).unwrap();
        assert_eq!((answer.id(), answer.rcode()), (7, RCODE::NoError));
        assert!(answer.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED));
        assert!(answer.opt().is_some());
        assert_eq!(answer.questions[0].qname.to_string(), "Outside.Example");
        assert_eq!(answer.answers[0].rdata, RData::A(ADDRESS.into()));
    }

    #[test]
    fn what_is_no_address_has_no_answer_and_who_is_nobody_no_name() {
        let message = asked("outside.example", TYPE::AAAA);
        let question = Question::read(&message).ok().unwrap();
        assert_eq!(question.host(), None);
        let answer = question.answer(None).unwrap();
        let answer = Packet::parse(&answer).unwrap();
        assert_eq!((answer.rcode(), answer.answers.len()), (RCODE::NoError, 0));
        for (resolved, code) in [
            (Resolved::Nobody, RCODE::NameError),
            (Resolved::Unknown, RCODE::ServerFailure),
        ] {
            let message = asked("nobody", TYPE::A);
            let answer = Question::read(&message)
                .ok()
                .unwrap()
                .answer(Some(resolved))
                .unwrap();
            assert_eq!(Packet::parse(&answer).unwrap().rcode(), code);
        }
    }

    #[test]
    fn what_is_no_question_is_refused_or_ignored() {
        let cut = asked("a.example", TYPE::A);
        let mut two = Packet::parse(&cut).unwrap();
        two.questions.push(two.questions[0].clone());
        for message in [two.build_bytes_vec().unwrap(), cut[..cut.len() - 20].to_vec()] {
            let refusal = Question::read(&message).err().unwrap().unwrap();
            let refusal = Packet::parse(&refusal).unwrap();
            assert_eq!((refusal.id(), refusal.rcode()), (7, RCODE::FormatError));
        }
        let answer = Packet::new_reply(7).build_bytes_vec().unwrap();
        for message in [&answer[..], &[], &[0; 11]] {
            assert_eq!(Question::read(message).err(), Some(None));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, place: prop::sample::Index, byte: u8) {
            let mut bent = asked("outside.example", TYPE::A);
            let place = place.index(bent.len());
            bent[place] = byte;
            for message in [bytes, bent] {
                if let Ok(question) = Question::read(&message) {
                    let _ = question.is_host_name();
                    let resolved = question.host().map(|_| Resolved::To(ADDRESS));
                    let answer = question.answer(resolved);
                    prop_assert!(answer.is_none_or(|answer| Packet::parse(&answer).is_ok()));
                }
            }
        }
    }
}
