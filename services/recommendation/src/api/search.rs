//! `SearchService`.

use fenz_contract::recommendation::v1::{self as pb, SearchServiceHandler};
use fenz_core::Result;
use fenz_search_index::{Access, Facets, Filters, Query, Sort};
use tonic::{Request, Response};

use super::encode;
use crate::{
    app::{Search, SearchResponse},
    domain::page::{CAP, Page},
};

#[derive(Clone)]
pub struct SearchApi(pub Search);

impl SearchServiceHandler for SearchApi {
    async fn search(&self, request: Request<pb::SearchRequest>) -> Result<Response<pb::SearchResponse>> {
        let response = self.0.find(query(request.into_inner())?).await?;
        Ok(Response::new(encode_response(response)))
    }

    async fn suggest(&self, request: Request<pb::SuggestRequest>) -> Result<Response<pb::SuggestResponse>> {
        let suggestions = self.0.suggest(request.into_inner().q).await?;
        Ok(Response::new(pb::SuggestResponse { suggestions }))
    }
}

fn query(message: pb::SearchRequest) -> Result<Query> {
    let page = Page::of(message.page, message.page_size, CAP)?;
    Ok(Query {
        sort: sort(message.sort.as_deref(), message.view_sort.as_deref()),
        filters: Filters {
            category: message.category_id,
            tags: message.tag_ids,
            channel: message.channel_id,
            min_duration: message.min_duration.map(Into::into),
            max_duration: message.max_duration.map(Into::into),
            published_from: message.uploaded_from.map(|at| at.seconds + i64::from(at.nanos > 0)),
            published_to: message.uploaded_to.map(|at| at.seconds + i64::from(at.nanos > 0)),
            access: message.access_type.map(|access| match access.as_str() {
                "member" => Access::Member,
                _ => Access::Public,
            }),
        },
        text: message.query.unwrap_or_default(),
        offset: page.offset as usize,
        limit: page.limit as usize,
    })
}

/// The values are validated by the contract.
fn sort(sort: Option<&str>, view_sort: Option<&str>) -> Sort {
    match (view_sort, sort) {
        (Some("asc"), _) => Sort::FewestViews,
        (Some(_), _) | (None, Some("views")) => Sort::MostViews,
        (None, Some("newest")) => Sort::Newest,
        (None, Some("duration")) => Sort::Longest,
        (None, _) => Sort::Relevance,
    }
}

fn encode_response(response: SearchResponse) -> pb::SearchResponse {
    let highlight =
        |h: fenz_search_index::Highlight| pb::Highlight { video_id: h.id, title: h.title, description: h.description };
    pb::SearchResponse {
        videos: encode::summaries(&response.videos),
        total: response.total as i64,
        facets: Some(facets(response.facets)),
        highlights: response.highlights.into_iter().map(highlight).collect(),
        popular: encode::summaries(&response.popular),
        corrected_query: response.corrected_query.unwrap_or_default(),
        degraded: response.is_degraded,
    }
}

fn facets(facets: Facets) -> pb::Facets {
    let facet = |value: String, count: u64| pb::Facet { value, count: count as i64 };
    pb::Facets {
        categories: facets.categories.into_iter().map(|(id, count)| facet(id.to_string(), count)).collect(),
        tags: facets.tags.into_iter().map(|(id, count)| facet(id.to_string(), count)).collect(),
        durations: facets.durations.into_iter().map(|(band, count)| facet(band.name().to_owned(), count)).collect(),
        years: facets.years.into_iter().map(|(year, count)| facet(year.to_string(), count)).collect(),
    }
}
