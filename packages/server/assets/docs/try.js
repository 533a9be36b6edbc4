// Swagger UI on this server's own document. Nothing is fetched from anywhere else.
window.addEventListener('DOMContentLoaded', () => {
  window.SwaggerUIBundle({
    url: '../openapi.json',
    dom_id: '#try',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    defaultModelRendering: 'model',
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: false,
    queryConfigEnabled: false,
    tryItOutEnabled: true,
    validatorUrl: null,
  })
})
