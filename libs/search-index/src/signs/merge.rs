//! One file of signs from those of several segments.

use std::sync::Arc;

use tantivy::{DocId, DocSet, PluginMergeContext, TERMINATED, TantivyError, indexer::doc_id_mapping::MappingType};

use super::{
    Pair, Place,
    read::{Postings, Reader},
    write::Writer,
};

/// A segment that is merged.
struct Source<'a> {
    /// Its next pair.
    next: Option<Postings>,
    /// Where its documents come to; none for those that are gone.
    places: &'a [Option<DocId>],
}

pub fn merge(context: &PluginMergeContext<'_>) -> tantivy::Result<()> {
    if context.doc_id_mapping.mapping_type() == MappingType::Shuffled {
        return Err(TantivyError::InternalError("the documents of this index have no order".to_owned()));
    }
    let (mut readers, mut places, mut norms, mut count) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()], 0);
    for segment in context.readers {
        let reader = Reader::open(segment)?;
        let mut moved = vec![None; segment.max_doc() as usize];
        for doc in segment.doc_ids_alive() {
            moved[doc as usize] = Some(count);
            count += 1;
            for part in super::Part::ALL {
                norms[part as usize].push(reader.norm(part, doc));
            }
        }
        readers.push(reader);
        places.push(moved);
    }
    let all_of = |reader: &Arc<Reader>| Postings::of(reader.entries_from(Pair(0)));
    let sources = readers.iter().zip(&places).map(|(reader, places)| Source { next: all_of(reader), places });
    let mut sources: Vec<Source<'_>> = sources.collect();
    let (mut writer, mut all) = (Writer::open(context.target_segment)?, Vec::new());
    while let Some(pair) = sources.iter().filter_map(|source| Some(source.next.as_ref()?.pair)).min() {
        // Segment after segment: the documents stay in order.
        all.clear();
        for source in &mut sources {
            source.take(pair, &mut all);
        }
        if !all.is_empty() {
            writer.put(pair, all.iter().copied())?;
        }
    }
    writer.finish(&norms)
}

impl Source<'_> {
    /// Appends where a pair is, if that is its next one.
    fn take(&mut self, pair: Pair, all: &mut Vec<Place>) {
        let Some(mut postings) = self.next.take_if(|next| next.pair == pair) else { return };
        let mut positions = Vec::new();
        while postings.doc() != TERMINATED {
            if let Some(doc) = self.places.get(postings.doc() as usize).copied().flatten() {
                postings.positions(&mut positions);
                all.extend(positions.iter().map(|position| Place { doc, position: *position }));
            }
            postings.advance();
        }
        self.next = Postings::of(postings.rest());
    }
}
