//! Merges the bigram files of several segments into one.

use std::sync::Arc;

use tantivy::{DocId, DocSet, PluginMergeContext, TERMINATED, TantivyError, indexer::doc_id_mapping::MappingType};

use super::{
    Bigram, Occurrence, Part,
    read::{Postings, Reader},
    write::Writer,
};

/// A segment to merge.
struct Source<'a> {
    /// The postings of its next bigram.
    next: Option<Postings>,
    /// New ids of its documents; none for deleted ones.
    new_ids: &'a [Option<DocId>],
}

pub fn merge(context: &PluginMergeContext<'_>) -> tantivy::Result<()> {
    if context.doc_id_mapping.mapping_type() == MappingType::Shuffled {
        return Err(TantivyError::InternalError("a sorted index is not supported".to_owned()));
    }
    let (mut readers, mut new_ids, mut norms, mut count) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new()], 0);
    for segment in context.readers {
        let reader = Reader::open(segment)?;
        let mut ids = vec![None; segment.max_doc() as usize];
        for doc in segment.doc_ids_alive() {
            ids[doc as usize] = Some(count);
            count += 1;
            for part in Part::ALL {
                norms[part as usize].push(reader.norm(part, doc));
            }
        }
        readers.push(reader);
        new_ids.push(ids);
    }
    let first = |reader: &Arc<Reader>| Postings::next(reader.entries_from(Bigram(0)));
    let sources = readers.iter().zip(&new_ids).map(|(reader, new_ids)| Source { next: first(reader), new_ids });
    let mut sources: Vec<Source<'_>> = sources.collect();
    let (mut writer, mut occurrences) = (Writer::open(context.target_segment)?, Vec::new());
    while let Some(bigram) = sources.iter().filter_map(|source| Some(source.next.as_ref()?.bigram)).min() {
        // Segment after segment keeps the documents in order.
        occurrences.clear();
        for source in &mut sources {
            source.take(bigram, &mut occurrences);
        }
        if !occurrences.is_empty() {
            writer.put(bigram, occurrences.iter().copied())?;
        }
    }
    writer.finish(&norms)
}

impl Source<'_> {
    /// Appends the occurrences of a bigram, if it is the next one.
    fn take(&mut self, bigram: Bigram, occurrences: &mut Vec<Occurrence>) {
        let Some(mut postings) = self.next.take_if(|next| next.bigram == bigram) else { return };
        let mut positions = Vec::new();
        while postings.doc() != TERMINATED {
            if let Some(doc) = self.new_ids.get(postings.doc() as usize).copied().flatten() {
                postings.positions(&mut positions);
                occurrences.extend(positions.iter().map(|position| Occurrence { doc, position: *position }));
            }
            postings.advance();
        }
        self.next = Postings::next(postings.into_next_bigram());
    }
}
