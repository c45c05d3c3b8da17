//! The RPCs: decode, one call, encode.

use fenz_chassis::require_user;
use fenz_contract::playlist::v1::{self as pb, PlaylistServiceHandler};
use fenz_core::Result;
use tonic::{Request, Response};

use crate::{app::App, domain::Playlist};

pub struct Api(pub App);

impl PlaylistServiceHandler for Api {
    async fn create_playlist(
        &self,
        request: Request<pb::CreatePlaylistRequest>,
    ) -> Result<Response<pb::CreatePlaylistResponse>> {
        let owner = require_user(&request)?.id;
        let created = self.0.create(owner, &request.into_inner().name).await?;
        Ok(Response::new(pb::CreatePlaylistResponse { playlist: Some(encode(created)) }))
    }

    async fn list_playlists(
        &self,
        request: Request<pb::ListPlaylistsRequest>,
    ) -> Result<Response<pb::ListPlaylistsResponse>> {
        let playlists = self.0.list(require_user(&request)?.id).await?;
        Ok(Response::new(pb::ListPlaylistsResponse { playlists: playlists.into_iter().map(encode).collect() }))
    }
}

fn encode(playlist: Playlist) -> pb::Playlist {
    pb::Playlist { id: playlist.id, name: playlist.name }
}
