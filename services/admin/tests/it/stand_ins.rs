//! Stand-ins for auth, content and channel: they say what there is, and note
//! what they are told to do and on whose behalf.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use fenz_contract::{
    auth::v1::auth_service_server::AuthServiceServer,
    channel::v1::{
        self as channel,
        channel_catalog_service_server::{ChannelCatalogService, ChannelCatalogServiceServer},
        channel_service_server::{ChannelService, ChannelServiceServer},
    },
    content::v1::{
        self as content,
        video_admin_service_server::{VideoAdminService, VideoAdminServiceServer},
        video_catalog_service_server::{VideoCatalogService, VideoCatalogServiceServer},
    },
    events::v1::{ChannelChanged, VideoChanged},
    user::v1::{
        self as user,
        user_admin_service_server::{UserAdminService, UserAdminServiceServer},
        user_catalog_service_server::{UserCatalogService, UserCatalogServiceServer},
    },
};
use fenz_testkit::Sandbox;
use tokio::{net::TcpListener, sync::Notify};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, service::RoutesBuilder};

/// What there is, and what happened to it.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<State>>);

#[derive(Default)]
pub struct State {
    pub videos: HashMap<i64, VideoChanged>,
    pub channels: HashMap<i64, ChannelChanged>,
    /// Role and whether they may sign in.
    pub users: HashMap<i64, (&'static str, bool)>,
    /// What auth says instead of a role.
    pub away: Option<Status>,
    /// What was done: `hide video 5: why`, the authorization it came with and
    /// the client's address.
    pub done: Vec<(String, String, String)>,
    /// Moderators' acts are refused with it.
    pub refusal: Option<Status>,
    /// An act under way ends when this says so.
    pub gate: Option<Arc<Notify>>,
}

impl World {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic before")
    }

    pub fn video(&self, video_id: i64, owner_id: i64, title: &str) {
        let title = title.to_owned();
        let video = VideoChanged { video_id, owner_id, title, is_published: true, ..VideoChanged::default() };
        self.state().videos.insert(video_id, video);
    }

    pub fn channel(&self, channel_id: i64, name: &str) {
        let name = name.to_owned();
        let channel = ChannelChanged { channel_id, owner_id: channel_id, name, ..ChannelChanged::default() };
        self.state().channels.insert(channel_id, channel);
    }

    async fn act<T>(&self, request: &Request<T>, what: String) -> Result<(), Status> {
        let header = |name: &str| {
            let value = request.metadata().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let gate = {
            let mut state = self.state();
            if let Some(refusal) = &state.refusal {
                return Err(refusal.clone());
            }
            state.done.push((what, header("authorization"), header("x-fenz-client-address")));
            state.gate.clone()
        };
        if let Some(gate) = gate {
            gate.notified().await;
        }
        Ok(())
    }
}

/// Serves the three instead of auth, content and channel.
pub fn serve(sandbox: &mut Sandbox, world: &World) {
    let auth = sandbox.auth.clone();
    start(sandbox.take_listener("auth").expect("not running"), |routes| {
        routes.add_service(AuthServiceServer::new(auth));
        routes.add_service(UserAdminServiceServer::new(world.clone()));
        routes.add_service(UserCatalogServiceServer::new(world.clone()));
    });
    start(sandbox.take_listener("channel").expect("not running"), |routes| {
        routes.add_service(ChannelCatalogServiceServer::new(world.clone()));
        routes.add_service(ChannelServiceServer::new(world.clone()));
    });
    let listener = sandbox.take_listener("content").expect("not running");
    start(listener, |routes| {
        routes.add_service(VideoCatalogServiceServer::new(world.clone()));
        routes.add_service(VideoAdminServiceServer::new(world.clone()));
    });
}

fn start(listener: TcpListener, add: impl FnOnce(&mut RoutesBuilder)) {
    let mut routes = RoutesBuilder::default();
    add(&mut routes);
    let server = tonic::transport::Server::builder().add_routes(routes.routes());
    tokio::spawn(async move { server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("served") });
}

/// A gRPC service of which most is not asked for here.
macro_rules! stand_in {
    ($service:ident in $module:ident { $($asked:tt)* } $($name:ident($request:ident) -> $response:ident,)*) => {
        #[async_trait::async_trait]
        impl $service for World {
            $($asked)*

            $(async fn $name(
                &self,
                _: Request<$module::$request>,
            ) -> Result<Response<$module::$response>, Status> {
                Err(Status::unimplemented("admin does not ask for this"))
            })*
        }
    };
}

stand_in! {
    VideoCatalogService in content {
        async fn get_catalog_video(
            &self,
            request: Request<content::GetCatalogVideoRequest>,
        ) -> Result<Response<content::GetCatalogVideoResponse>, Status> {
            let video = self.state().videos.get(&request.into_inner().id).cloned();
            let video = video.ok_or_else(|| not_found(fenz_chassis::Reason::VideoNotFound))?;
            Ok(Response::new(content::GetCatalogVideoResponse { video: Some(video) }))
        }
    }
    list_catalog(ListCatalogRequest) -> ListCatalogResponse,
    list_watched(ListWatchedRequest) -> ListWatchedResponse,
}

stand_in! {
    ChannelCatalogService in channel {
        async fn get_catalog_channel(
            &self,
            request: Request<channel::GetCatalogChannelRequest>,
        ) -> Result<Response<channel::GetCatalogChannelResponse>, Status> {
            let channel = self.state().channels.get(&request.into_inner().id).cloned();
            let channel = channel.ok_or_else(|| not_found(fenz_chassis::Reason::ChannelNotFound))?;
            Ok(Response::new(channel::GetCatalogChannelResponse { channel: Some(channel) }))
        }
    }
    list_catalog_channels(ListCatalogChannelsRequest) -> ListCatalogChannelsResponse,
}

stand_in! {
    VideoAdminService in content {
        async fn hide_video(
            &self,
            request: Request<content::HideVideoRequest>,
        ) -> Result<Response<content::HideVideoResponse>, Status> {
            let content::HideVideoRequest { id, text } = request.get_ref();
            self.act(&request, format!("hide video {id}: {text}")).await?;
            Ok(Response::new(content::HideVideoResponse::default()))
        }
    }
    list_all_videos(ListAllVideosRequest) -> ListAllVideosResponse,
    import_videos(ImportVideosRequest) -> ImportVideosResponse,
    restore_video(RestoreVideoRequest) -> RestoreVideoResponse,
}

stand_in! {
    ChannelService in channel {
        async fn hide_channel(
            &self,
            request: Request<channel::HideChannelRequest>,
        ) -> Result<Response<channel::HideChannelResponse>, Status> {
            self.act(&request, format!("hide channel {}", request.get_ref().id)).await?;
            Ok(Response::new(channel::HideChannelResponse::default()))
        }
    }
    get_channel(GetChannelRequest) -> GetChannelResponse,
    update_channel(UpdateChannelRequest) -> UpdateChannelResponse,
    subscribe(SubscribeRequest) -> SubscribeResponse,
    unsubscribe(UnsubscribeRequest) -> UnsubscribeResponse,
    list_subscriptions(ListSubscriptionsRequest) -> ListSubscriptionsResponse,
    list_subscribers(ListSubscribersRequest) -> ListSubscribersResponse,
    get_fee(GetFeeRequest) -> GetFeeResponse,
    update_fee(UpdateFeeRequest) -> UpdateFeeResponse,
    restore_channel(RestoreChannelRequest) -> RestoreChannelResponse,
}

stand_in! {
    UserAdminService in user {
        async fn ban_user(
            &self,
            request: Request<user::BanUserRequest>,
        ) -> Result<Response<user::BanUserResponse>, Status> {
            let user::BanUserRequest { id, until, text } = request.get_ref();
            let until = until.map_or_else(|| "ever".to_owned(), |until| until.seconds.to_string());
            self.act(&request, format!("ban {id} for {until}: {text}")).await?;
            Ok(Response::new(user::BanUserResponse::default()))
        }
    }
    list_users(ListUsersRequest) -> ListUsersResponse,
    get_user(GetUserRequest) -> GetUserResponse,
    create_user(CreateUserRequest) -> CreateUserResponse,
    update_user(UpdateUserRequest) -> UpdateUserResponse,
    hide_user(HideUserRequest) -> HideUserResponse,
    restore_user(RestoreUserRequest) -> RestoreUserResponse,
    unban_user(UnbanUserRequest) -> UnbanUserResponse,
    delete_user(DeleteUserRequest) -> DeleteUserResponse,
    end_user_sessions(EndUserSessionsRequest) -> EndUserSessionsResponse,
}

stand_in! {
    UserCatalogService in user {
        async fn get_user_role(
            &self,
            request: Request<user::GetUserRoleRequest>,
        ) -> Result<Response<user::GetUserRoleResponse>, Status> {
            let state = self.state();
            if let Some(away) = &state.away {
                return Err(away.clone());
            }
            let (role, is_admitted) = *state
                .users
                .get(&request.get_ref().id)
                .ok_or_else(|| not_found(fenz_chassis::Reason::UserNotFound))?;
            Ok(Response::new(user::GetUserRoleResponse { role: role.to_owned(), is_admitted }))
        }
    }
}

fn not_found(reason: fenz_chassis::Reason) -> Status {
    fenz_chassis::Error::new(reason, "there is no such thing").into()
}
