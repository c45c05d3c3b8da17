//! The tantivy schema.

use tantivy::{
    TantivyDocument,
    schema::{FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{TextAnalyzer, TokenizerManager},
};

use crate::{
    cjk_bigrams::Plugin,
    document::Document,
    text::{
        scan::folded,
        tokens::{TOKENIZER, TextTokenizer},
    },
};

/// To be increased with every change of the fields, the files or the tokenizer; an
/// index of another version is rebuilt.
pub const VERSION: u32 = 5;

/// Prefixes of titles are indexed up to this many characters; longer ones are
/// matched by their words. Whole titles as terms are almost all distinct, and took
/// an eighth of the indexing time.
pub const MAX_TITLE_PREFIX: usize = 4;

/// Separates a folded name from the original one.
pub const KEY_END: char = '\0';

/// Names of the fast fields.
pub mod column {
    pub const ID: &str = "id";
    pub const CATEGORY: &str = "category";
    pub const TAGS: &str = "tags";
    pub const DURATION: &str = "duration";
    pub const PUBLISHED: &str = "published";
    pub const ATTRIBUTES: &str = "attributes";
    pub const VIEWS: &str = "views";
    pub const DIGEST: &str = "digest";
}

#[derive(Debug, Clone)]
pub struct Fields {
    pub schema: Schema,
    /// Words of the title and the names of tags and channel.
    pub head: Field,
    /// Words of the description.
    pub body: Field,
    /// Only stored, for suggestions.
    pub title: Field,
    pub id: Field,
    pub channel: Field,
    pub category: Field,
    pub tags: Field,
    duration: Field,
    published: Field,
    attributes: Field,
    views: Field,
    digest: Field,
    /// Prefixes of the folded title.
    pub title_prefix: Field,
    /// Folded tag names, each with the original name.
    pub tag_key: Field,
}

impl Fields {
    pub fn new() -> Self {
        let words = || {
            let indexing =
                TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs);
            TextOptions::default().set_indexing_options(indexing)
        };
        let raw = || {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_fieldnorms(false)
                .set_index_option(IndexRecordOption::Basic);
            TextOptions::default().set_indexing_options(indexing)
        };
        let indexed = || NumericOptions::default() | INDEXED;
        let mut schema = Schema::builder();
        Self {
            head: schema.add_text_field("head", words()),
            body: schema.add_text_field("body", words()),
            title: schema.add_text_field("title", STORED),
            id: schema.add_i64_field(column::ID, indexed() | FAST),
            channel: schema.add_i64_field("channel", indexed()),
            category: schema.add_i64_field(column::CATEGORY, indexed() | FAST),
            tags: schema.add_i64_field(column::TAGS, indexed() | FAST),
            duration: schema.add_i64_field(column::DURATION, FAST),
            published: schema.add_i64_field(column::PUBLISHED, FAST),
            attributes: schema.add_u64_field(column::ATTRIBUTES, FAST),
            views: schema.add_u64_field(column::VIEWS, FAST),
            digest: schema.add_u64_field(column::DIGEST, FAST),
            title_prefix: schema.add_text_field("title_prefix", raw()),
            tag_key: schema.add_text_field("tag_key", raw()),
            schema: schema.build(),
        }
    }

    /// The fields with words.
    pub fn words(&self) -> [Field; 2] {
        [self.head, self.body]
    }

    pub fn tokenizers() -> TokenizerManager {
        let tokenizers = TokenizerManager::default();
        tokenizers.register(TOKENIZER, TextAnalyzer::from(TextTokenizer::default()));
        tokenizers
    }

    pub fn bigrams(&self) -> Plugin {
        Plugin { head: self.head, body: self.body }
    }

    pub fn document(&self, video: &Document, digest: u64) -> TantivyDocument {
        let mut doc = TantivyDocument::new();
        for name in [&video.title, &video.channel_name].into_iter().chain(&video.tag_names) {
            doc.add_text(self.head, name);
        }
        doc.add_text(self.body, &video.description);
        doc.add_text(self.title, &video.title);
        doc.add_i64(self.id, video.id);
        doc.add_i64(self.channel, video.channel_id);
        doc.add_i64(self.category, video.category_id);
        for tag in &video.tag_ids {
            doc.add_i64(self.tags, *tag);
        }
        doc.add_i64(self.duration, video.duration);
        doc.add_i64(self.published, video.published_at);
        doc.add_u64(self.attributes, video.attributes().pack());
        doc.add_u64(self.views, video.views);
        doc.add_u64(self.digest, digest);
        self.add_keys(&mut doc, video);
        doc
    }

    fn add_keys(&self, doc: &mut TantivyDocument, video: &Document) {
        let key = folded(&video.title);
        for (at, c) in key.char_indices().take(MAX_TITLE_PREFIX) {
            doc.add_text(self.title_prefix, &key[..at + c.len_utf8()]);
        }
        for name in &video.tag_names {
            doc.add_text(self.tag_key, format!("{}{KEY_END}{name}", folded(name)));
        }
    }
}
