//! Reads the file of a segment's signs.

use std::{io, sync::Arc};

use tantivy::{DocId, DocSet, SegmentReader, TERMINATED, directory::OwnedBytes, index::SegmentComponent};

use super::{
    EXTENSION, Pair, Part,
    format::{BLOCK_PLACE, ENDING, ENTRY, OFTEN, pass, pull},
};

/// The signs of a segment.
pub struct Reader {
    bytes: OwnedBytes,
    /// Where the places of the blocks begin, and how many there are.
    blocks: (usize, usize),
    documents: u32,
    /// Of each part.
    signs: [u64; 2],
}

impl Reader {
    pub fn open(segment: &SegmentReader) -> tantivy::Result<Arc<Self>> {
        let bytes = segment.open_read(SegmentComponent::Custom(EXTENSION.to_owned()))?.read_bytes()?;
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "a file of signs is broken");
        let ending = bytes.len().checked_sub(ENDING).ok_or_else(broken)?;
        let [head, body, blocks, documents] = [0, 1, 2, 3].map(|at| number(&bytes, ending + 8 * at));
        if documents != u64::from(segment.max_doc()) {
            return Err(broken().into());
        }
        let norms = documents as usize * Part::ALL.len();
        let places = (blocks as usize).checked_mul(BLOCK_PLACE).ok_or_else(broken)?;
        let begin = ending.checked_sub(norms).and_then(|end| end.checked_sub(places)).ok_or_else(broken)?;
        let (blocks, documents) = ((begin, blocks as usize), documents as u32);
        Ok(Arc::new(Self { bytes, blocks, documents, signs: [head, body] }))
    }

    pub fn documents(&self) -> u32 {
        self.documents
    }

    /// How many signs a part has in all documents.
    pub fn signs(&self, part: Part) -> u64 {
        self.signs[part as usize]
    }

    /// How long a part of a document is, as tantivy rounds it.
    pub fn norm(&self, part: Part, doc: DocId) -> u8 {
        let (begin, count) = self.blocks;
        let norms = begin + count * BLOCK_PLACE + part as usize * self.documents as usize;
        self.bytes[norms + doc as usize]
    }

    /// All entries from the first one of a pair on.
    pub fn entries_from(self: &Arc<Self>, pair: Pair) -> Entries {
        // Its first entry may be in the middle of the block before those that
        // begin with it.
        let (mut low, mut high) = (0, self.blocks.1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.block(middle).0 < pair {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut entries = Entries::of_block(self.clone(), low.saturating_sub(1));
        while entries.next.is_some_and(|next| next.pair < pair) {
            entries.next();
        }
        entries
    }

    /// Where a pair is; nothing where it is nowhere.
    pub fn pair(self: &Arc<Self>, pair: Pair) -> Option<Postings> {
        let postings = Postings::of(self.entries_from(pair))?;
        (postings.pair == pair).then_some(postings)
    }

    /// In how many documents a pair is.
    pub fn count(self: &Arc<Self>, pair: Pair) -> u64 {
        self.entries_from(pair).next.filter(|entry| entry.pair == pair).map_or(0, |entry| entry.total)
    }

    /// The first pair of a block and where it begins; the last block ends where
    /// their places begin.
    fn block(&self, at: usize) -> (Pair, usize) {
        let (begin, count) = self.blocks;
        if at >= count {
            return (Pair(u64::MAX), begin);
        }
        let place = begin + at * BLOCK_PLACE;
        (Pair(number(&self.bytes, place)), (number(&self.bytes, place + 8) as usize).min(begin))
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// What is known of an entry without reading its places.
#[derive(Debug, Clone, Copy)]
pub struct Heading {
    pair: Pair,
    /// Documents of the pair, in the first of its entries.
    total: u64,
    /// Its own documents, and the first of them.
    count: u64,
    first: DocId,
    /// Where the others begin, how often they have the pair, and where.
    documents: usize,
    counts: Option<usize>,
    positions: usize,
}

/// Walks over the headings.
#[derive(Clone)]
pub struct Entries {
    reader: Arc<Reader>,
    block: usize,
    /// Where the headings of the block go on, and where they end.
    headings: (usize, usize),
    /// Where the next places begin.
    places: usize,
    pair: u64,
    /// The one that comes next.
    next: Option<Heading>,
}

impl Entries {
    fn of_block(reader: Arc<Reader>, block: usize) -> Self {
        let mut entries = Self { reader, block, headings: (0, 0), places: 0, pair: 0, next: None };
        entries.open_block();
        entries.next = entries.read();
        entries
    }

    fn open_block(&mut self) {
        let ((first, begin), (_, end)) = (self.reader.block(self.block), self.reader.block(self.block + 1));
        let length = self.reader.bytes.get(begin..end).and_then(|bytes| bytes.first_chunk());
        let length = length.map_or(0, |length| u32::from_le_bytes(*length) as usize);
        let headings = (begin + 4).min(end);
        self.headings = (headings, (headings + length).min(end));
        self.places = self.headings.1;
        self.pair = first.0;
    }

    fn read(&mut self) -> Option<Heading> {
        while self.headings.0 >= self.headings.1 {
            self.block += 1;
            if self.block >= self.reader.blocks.1 {
                return None;
            }
            self.open_block();
        }
        let (bytes, at) = (&self.reader.bytes[..self.headings.1], &mut self.headings.0);
        let [behind, count, first, documents_length, positions_length] = std::array::from_fn(|_| pull(bytes, at));
        let (documents, is_repeated, count) = (self.places, count & 1 == 1, count >> 1);
        let total = if count == ENTRY as u64 { pull(bytes, at) } else { count };
        self.pair += behind;
        let counts = documents + documents_length as usize;
        let positions = counts + if is_repeated { count as usize } else { 0 };
        self.places = positions + positions_length as usize;
        let (pair, first, counts) = (Pair(self.pair), first as DocId, is_repeated.then_some(counts));
        Some(Heading { pair, total, count, first, documents, counts, positions })
    }
}

impl Iterator for Entries {
    type Item = Heading;

    fn next(&mut self) -> Option<Heading> {
        let next = self.next.take()?;
        self.next = self.read();
        Some(next)
    }
}

/// The documents that have a pair.
#[derive(Clone)]
pub struct Postings {
    pub pair: Pair,
    /// How many there are.
    total: u64,
    /// The entry at hand, and those behind it.
    entry: Heading,
    entries: Entries,
    /// The document at hand, which of the entry it is, and where the next is.
    doc: DocId,
    at: u64,
    next: usize,
    /// Of which document the next positions are, and where those are.
    positions: (u64, usize),
}

impl Postings {
    /// Those of the next pair.
    pub fn of(mut entries: Entries) -> Option<Self> {
        let entry = entries.next()?;
        let Heading { pair, total, first: doc, documents: next, positions, .. } = entry;
        Some(Self { pair, total, entry, entries, doc, at: 0, next, positions: (0, positions) })
    }

    /// What comes behind all of them.
    pub fn rest(mut self) -> Entries {
        while self.next_entry().is_some() {
            self.entries.next();
        }
        self.entries
    }

    fn next_entry(&self) -> Option<Heading> {
        self.entries.next.filter(|next| next.pair == self.pair)
    }

    fn enter(&mut self, entry: Heading) {
        (self.doc, self.at, self.next) = (entry.first, 0, entry.documents);
        self.positions = (0, entry.positions);
        self.entry = entry;
    }

    /// Goes on within the entry.
    #[inline]
    fn step(&mut self) -> bool {
        if self.at + 1 >= self.entry.count {
            return false;
        }
        self.at += 1;
        self.doc = self.doc.saturating_add(pull(&self.entries.reader.bytes, &mut self.next) as u32);
        true
    }

    fn bytes(&self) -> &[u8] {
        &self.entries.reader.bytes
    }

    fn count_of(&self, at: u64) -> u8 {
        self.entry.counts.and_then(|counts| self.bytes().get(counts + at as usize)).map_or(1, |count| *count)
    }

    /// How often the document has the pair, 255 times at most.
    pub fn here(&self) -> u32 {
        self.count_of(self.at).into()
    }

    /// Where the document has the pair; to be asked once for each.
    pub fn positions(&mut self, found: &mut Vec<u32>) {
        found.clear();
        if !self.pair.has_positions() {
            found.resize(self.here() as usize, 0);
            return;
        }
        let (mut of, mut at) = self.positions;
        while of <= self.at {
            let bytes = self.bytes();
            let count = self.count_of(of);
            let count = if count == OFTEN { pull(bytes, &mut at) } else { count.into() };
            if of < self.at {
                pass(bytes, &mut at, count);
            } else {
                let mut position = 0_u32;
                for _ in 0..count.min(bytes.len() as u64) {
                    position = position.saturating_add(pull(bytes, &mut at) as u32);
                    found.push(position);
                }
            }
            of += 1;
        }
        self.positions = (of, at);
    }
}

impl DocSet for Postings {
    fn advance(&mut self) -> DocId {
        if !self.step() {
            match self.next_entry() {
                Some(entry) => {
                    self.entries.next();
                    self.enter(entry);
                }
                None => self.doc = TERMINATED,
            }
        }
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let mut last = None;
        while let Some(entry) = self.next_entry()
            && entry.first <= target
        {
            last = self.entries.next();
        }
        if let Some(entry) = last {
            self.enter(entry);
        }
        while self.doc < target && self.step() {}
        if self.doc < target { self.advance() } else { self.doc }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.total as u32
    }
}
